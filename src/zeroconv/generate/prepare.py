"""A request made ready for one base: sizes, condition images, ControlNets and the sampler, decided and checked.

Whatever a user can get wrong shows here, before the first denoising step.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, is_dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from zeroconv import conditions, weights
from zeroconv.adapter import Adapter
from zeroconv.base import BaseModel
from zeroconv.control import ControlNet
from zeroconv.errors import UserError
from zeroconv.generate.loras import with_loras
from zeroconv.generate.picture_input import has_inpainting_channels
from zeroconv.generate.prepared import Prepared, PreparedControl
from zeroconv.generate.speed import LEVELS, Level
from zeroconv.images import RESAMPLING, contained, fit, fitted_mask, pad, read_image, to_rgb
from zeroconv.notes import note
from zeroconv.request.control import ControlRequest
from zeroconv.request.lora import Lora
from zeroconv.request.request import Request, default_size, rounded
from zeroconv.schedulers import check_steps, default_scheduler, make_scheduler
from zeroconv.weights import Sidecar

_DENOISE = 0.8
"""diffusers' default strength of image-to-image."""
LoadControl = Callable[[str | Path, BaseModel], tuple[ControlNet | Adapter, Sidecar]]
"""The name of what steers and the base it is for -> itself, and what is known of its training."""
Merge = Callable[[BaseModel, tuple[Lora, ...]], BaseModel]
"""A base and the LoRAs of a request -> the base that the request is made with."""
_Network = tuple[str, ControlNet | Adapter, Sidecar]
"""What acts: its name, which one in memory lacks, itself, and what is known of its training."""


def prepare(
    base: BaseModel, request: Request, load: LoadControl = weights.load_control, merge: Merge = with_loras
) -> Prepared:
    """Decides what the request leaves open and loads what it names. UserError for what this base cannot serve.

    load: what gives the ControlNets by their names, and merge: what puts LoRAs into the base, for callers that keep
    them.
    """
    networks = _load(base, request.controls, load)
    inputs = [_read(control, network[2]) for control, network in zip(request.controls, networks, strict=True)]
    _check_inpainting(base, request)
    image = None if request.image is None else _picture(request.image)
    size, notes = _size(base, request, [*([] if image is None else [image]), *(given.image for given in inputs)])
    level = _level(base, request)
    name = request.scheduler or level.scheduler or default_scheduler(base.scheduler)
    scheduler = make_scheduler(name, base.scheduler)
    if request.steps > base.num_train_timesteps:
        raise UserError(f"steps must be at most the base's {base.num_train_timesteps}, not {request.steps}")
    check_steps(name, scheduler, level.steps(request.steps))
    _warn_of_distillation(base, name, request)
    guidance = default_guidance(base, name) if request.guidance is None else request.guidance
    _warn_of_negative(base, request, guidance)
    pairs = zip(request.controls, inputs, networks, strict=True)
    controls = tuple(_prepare_control(*pair, size, request) for pair in pairs)
    asked = tuple(control.request for control in controls)
    denoise = request.denoise or (_DENOISE if request.mask is None else 1.0) if image else None
    settled = replace(request, controls=asked, size=size, scheduler=name, guidance=guidance, denoise=denoise)
    mask = None if request.mask is None else fitted_mask(request.mask, size, request.fit, 0)
    image = None if image is None else fit(image, size, request.fit)
    if level != LEVELS["exact"]:
        notes = (*notes, f"speed {request.speed}: {level.steps(request.steps)} steps of {name}")
    return Prepared(merge(base, request.loras), settled, controls, scheduler, image, mask, level, notes)


def _level(base: BaseModel, request: Request) -> Level:
    """What is left out for speed: nothing where base or scheduler are distilled for few steps as it is."""
    if request.speed != "exact" and (request.scheduler == "lcm" or _is_distilled(base)):
        few = "the scheduler lcm" if request.scheduler == "lcm" else base.name
        note(f"the speed {request.speed} has no effect with {few}, made for few steps", stacklevel=3)
        return LEVELS["exact"]
    return LEVELS[request.speed]


def _warn_of_negative(base: BaseModel, request: Request, guidance: float) -> None:
    """Where no unconditional prediction is made, nothing reads the negative prompt."""
    if any(request.negative) and (guidance == 1 or _is_distilled(base)):
        reason = f"with {base.name}, which embeds its guidance" if _is_distilled(base) else "at a guidance of 1"
        note(f"the negative prompt has no effect {reason}", stacklevel=3)


def _check_inpainting(base: BaseModel, request: Request) -> None:
    """UserError where the base's U-Net needs a mask and there is none."""
    if has_inpainting_channels(base) and request.mask is None:
        raise UserError(f"{base.name} is an inpainting base: it needs an image and a mask")


def _picture(image: str | Path | Image.Image) -> Image.Image:
    return to_rgb(image) if isinstance(image, Image.Image) else read_image(image)


def default_guidance(base: BaseModel, scheduler: str = "") -> float:
    """4 for the small embedded base; 7.5, diffusers' default, for the others; 1 for lcm, distilled with it."""
    if scheduler == "lcm" and not _is_distilled(base):
        return 1.0
    return 4.0 if base.family == "tiny" else 7.5


def _is_distilled(base: BaseModel) -> bool:
    """Whether the U-Net reads the guidance as an embedding, as latent consistency models do."""
    return base.unet.config.get("time_cond_proj_dim") is not None


def _warn_of_distillation(base: BaseModel, scheduler: str, request: Request) -> None:
    """Few-step samplers and few-step networks belong together."""
    if scheduler == "lcm" and not _is_distilled(base) and not request.loras:
        note(f"the scheduler lcm is for bases distilled for few steps; {base.name} is none", stacklevel=3)
    if scheduler != "lcm" and _is_distilled(base):
        note(f"{base.name} was distilled for the scheduler lcm, not for {scheduler}", stacklevel=3)


def default_checkpoint(base: BaseModel, condition: str) -> str:
    """The name of the built-in ControlNet for this base and condition; UserError says which there are."""
    name = f"{base.family}-{condition}"
    if name in weights.BUILT_IN:
        return name
    have = [known.removeprefix(f"{base.family}-") for known in weights.BUILT_IN if known.startswith(base.family)]
    there = f"for this base there is: {', '.join(have)}" if have else "there is none for this base"
    raise UserError(
        f"no ControlNet for {condition} is built in for the base {base.name} ({there}); "
        f"name one with checkpoint=FILE_OR_FOLDER"
    )


@dataclass(frozen=True, eq=False)
class _Given:
    """What a control comes from."""

    image: Image.Image
    is_condition: bool
    """Whether it is the condition image itself: given ready, or drawn from a file that is no picture."""


def _read(control: ControlRequest, sidecar: Sidecar) -> _Given:
    if isinstance(control.image, Image.Image):
        return _Given(_picture(control.image), control.ready)
    options = {} if control.ready else _options(control, sidecar)
    drawn = None if control.ready else conditions.from_file(control.name, Path(control.image), options)
    return _Given(read_image(control.image), control.ready) if drawn is None else _Given(Image.fromarray(drawn), True)


def _size(base: BaseModel, request: Request, inputs: list[Image.Image]) -> tuple[tuple[int, int], tuple[str, ...]]:
    """The run's (width, height) and, where it was not asked for, how it came about."""
    multiple, native = base.multiple, base.native_size
    if request.size is not None:
        size = rounded(request.size, multiple)
        if size != request.size:
            change = f"the size {_text(request.size)} was rounded to {_text(size)}"
            note(f"{change}: this base needs multiples of {multiple}", stacklevel=3)
        return size, ()
    if not inputs:
        size = rounded((native, native), multiple)
        return size, (f"size {_text(size)}: the native size of {base.name}",)
    size = default_size(inputs[0].size, native, multiple)
    shape = f"the input's shape ({_text(inputs[0].size)}) with the short side at the base's native {native}"
    return size, (f"size {_text(size)}: {shape}, in multiples of {multiple}",)


def _text(size: tuple[int, int]) -> str:
    return f"{size[0]}x{size[1]}"


def _load(base: BaseModel, controls: tuple[ControlRequest, ...], load: LoadControl) -> list[_Network]:
    """Name, network and sidecar of each control; what several share is loaded once."""
    loaded: dict[str, tuple[ControlNet | Adapter, Sidecar]] = {}
    found: list[_Network] = []
    for control in controls:
        checkpoint = control.checkpoint or default_checkpoint(base, control.name)
        if isinstance(checkpoint, ControlNet | Adapter):
            found.append(("", checkpoint, Sidecar()))
            continue
        name = str(checkpoint)
        if name not in loaded:
            loaded[name] = load(checkpoint, base)
        found.append((name, *loaded[name]))
    return found


def _prepare_control(
    control: ControlRequest,
    given: _Given,
    network: _Network,
    size: tuple[int, int],
    request: Request,
) -> PreparedControl:
    name, controlnet, sidecar = network
    if sidecar.condition not in ("", None, control.name):
        note(f"{name} was trained on {sidecar.condition}, but gets {control.name} images", stacklevel=4)
    options = {} if control.ready else _options(control, sidecar)
    settled = replace(control, options=options, checkpoint=name or controlnet)
    if not any(control.strengths(len(request.seeds))):
        note(f"the control {control.name} has no effect at a strength of 0", stacklevel=4)
    mask = None if control.mask is None else fitted_mask(control.mask, size, request.fit, control.feather)
    return PreparedControl(settled, *_condition(settled, given, size, request), controlnet, sidecar, mask)


def _options(control: ControlRequest, sidecar: Sidecar) -> Mapping[str, Any]:
    """Every option in force: as asked, else as the ControlNet was trained, else the condition's default."""
    trained = sidecar.condition_options if sidecar.condition == control.name else {}
    extractor = conditions.create(control.name, **{**trained, **control.options})
    assert is_dataclass(extractor) and not isinstance(extractor, type)
    return asdict(extractor)


def _condition(
    control: ControlRequest, given: _Given, size: tuple[int, int], request: Request
) -> tuple[Image.Image, Image.Image]:
    """The input and its condition image at the run's size; the same picture twice where the input is the condition.

    A border that padding adds is no part of the picture: it comes after the condition was made, else its rim would be
    an edge.
    """
    own_filter = RESAMPLING[conditions.kind(control.name).resize_filter]
    resample = own_filter if given.is_condition else Image.Resampling.LANCZOS
    if request.fit == "pad":
        inside = given.image.resize(contained(given.image.size, size), resample)
    else:
        inside = fit(given.image, size, request.fit, resample=resample)
    if not given.is_condition:
        made = conditions.annotate(control.name, np.asarray(inside), control.options)
        return pad(inside, size), pad(Image.fromarray(made), size)
    for doubt in conditions.doubts(control.name, np.asarray(inside)):
        note(doubt, stacklevel=5)
    padded = pad(inside, size)
    return padded, padded
