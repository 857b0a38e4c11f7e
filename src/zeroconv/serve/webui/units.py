"""One unit of sd-webui-controlnet -> one of our controls.

Its control modes are layer weights and `conditional_only` here (docs/generate.md): "My prompt is more important" is
weights=soft, "ControlNet is more important" the same with conditional_only.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeVar

from PIL import Image, ImageOps
from pydantic import ValidationError

from zeroconv import conditions
from zeroconv.errors import UserError, nearest
from zeroconv.images import RESAMPLING, Fit, fit
from zeroconv.request import ControlRequest
from zeroconv.serve.models import Models
from zeroconv.serve.webui.modules import INVERT, Module, find_module, module_options
from zeroconv.serve.webui.schema import Unit

Read = Callable[[str, str], Image.Image]
"""A picture as base64, and what it is called in an error -> the picture as RGB."""
_Value = TypeVar("_Value")
Mode = Literal["balanced", "prompt", "control"]

_FITS: dict[int | str, Fit] = {
    **{0: "stretch", "just resize": "stretch", "resize": "stretch"},
    **{1: "crop", "crop and resize": "crop", "inner_fit": "crop"},
    **{2: "pad", "resize and fill": "pad", "outer_fit": "pad"},
    **{3: "stretch", "just resize (latent upscale)": "stretch"},
    **{"inner fit (scale to fit)": "crop", "scale to fit (inner fit)": "crop"},
    **{"outer fit (shrink to fit)": "pad", "envelope (outer fit)": "pad"},
}
_FIT_NAMES = ("Just Resize", "Crop and Resize", "Resize and Fill")
_MODES: dict[int | str, Mode] = {
    **{0: "balanced", "balanced": "balanced"},
    **{1: "prompt", "my prompt is more important": "prompt", "prompt": "prompt"},
    **{2: "control", "controlnet is more important": "control", "control": "control"},
}
_MODE_NAMES = ("Balanced", "My prompt is more important", "ControlNet is more important")


@dataclass(frozen=True)
class Translated:
    """A unit as a control, before it is known how the run brings its pictures to size."""

    control: ControlRequest
    fit: Fit
    is_shown: bool
    """Whether its condition image is wanted beside the pictures."""
    notes: tuple[str, ...] = ()
    """What is not as webui does it."""

    def brought_to(self, size: tuple[int, int], run: Fit) -> ControlRequest:
        """The control for a run of (width, height) pixels that brings its inputs there by `run`."""
        if self.fit == run:
            return self.control
        kind = conditions.kind(self.control.name)
        resample = RESAMPLING[kind.resize_filter] if self.control.ready else Image.Resampling.LANCZOS
        changes: dict[str, Any] = {"image": fit(_picture(self.control.image), size, self.fit, resample=resample)}
        if self.control.mask is not None:
            changes["mask"] = fit(_picture(self.control.mask), size, self.fit, resample=Image.Resampling.BOX)
        return replace(self.control, **changes)


def read_unit(given: object, of: str) -> Unit:
    """The unit as sent; UserError names the field that is wrong."""
    if not isinstance(given, dict):
        raise UserError(f"{of} must be an object with the fields of a ControlNet unit")
    try:
        return Unit.model_validate(given)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"]) or "its fields"
        raise UserError(f"{of}: {field}: {first['msg']}") from error


def translate_unit(unit: Unit, of: str, models: Models, read: Read, otherwise: Image.Image | None) -> Translated:
    """The control that a unit asks for; `otherwise` is the picture it gets where it brings none (image-to-image)."""
    module = find_module(unit.module)
    checkpoint = find_model(unit.model, models)
    image, mask = _pictures(unit, of, read)
    image = otherwise if image is None else image
    if image is None:
        raise UserError(f"{of} has no image")
    options: dict[str, Any] = {}
    if isinstance(module, Module):
        name = module.condition
        options = module_options(module, unit.threshold_a, unit.threshold_b)
    else:
        name = _condition_of(checkpoint, of, models)
        image = ImageOps.invert(image) if module == INVERT else image
    mode = choice(unit.control_mode, _MODES, _MODE_NAMES, f"{of}: control mode")
    control = ControlRequest(
        name,
        image,
        strength=unit.weight,
        start=unit.guidance_start,
        end=unit.guidance_end,
        weights=_weights(unit, mode),
        conditional_only=mode == "control",
        mask=mask,
        ready=not isinstance(module, Module),
        checkpoint=checkpoint,
        options=options,
    )
    return Translated(control, resize_mode(unit.resize_mode, of), unit.save_detected_map, _notes(unit, of, module))


def resize_mode(value: int | str, of: str) -> Fit:
    """How a picture of another shape is brought to size, from webui's number or name for it."""
    return choice(value, _FITS, _FIT_NAMES, f"{of}: resize mode")


def choice(value: int | str, known: Mapping[int | str, _Value], names: tuple[str, ...], what: str) -> _Value:
    """What a number or a name stands for; UserError with the nearest name."""
    written = value.strip().lower() if isinstance(value, str) else value
    written = int(written) if isinstance(written, str) and written.isdecimal() and len(written) < 3 else written
    if written not in known or isinstance(value, bool):
        raise UserError(f"{what} {value!r} is not known; {nearest(str(value), names)}")
    return known[written]


def find_model(name: str, models: Models) -> str | None:
    """The name under which a ControlNet is offered, without the hash that webui writes behind; None for none."""
    plain = name.split(" [")[0].strip()
    if plain.lower() in ("", "none"):
        return None
    for known in models.controlnets():
        if known.lower() == plain.lower():
            return known
    raise UserError(f"no ControlNet {plain!r} is offered here; {nearest(plain, models.controlnets())}")


def _condition_of(checkpoint: str | None, of: str, models: Models) -> str:
    """What a picture that is ready shows: what its ControlNet was trained on."""
    if checkpoint is None:
        raise UserError(f"{of} names neither a module nor a model")
    return models.controlnets()[checkpoint].condition or "custom"


def _pictures(unit: Unit, of: str, read: Read) -> tuple[Image.Image | None, Image.Image | None]:
    """Image and mask, sent side by side or as {"image": ..., "mask": ...}."""
    both: Any = unit.image
    image, mask = both, unit.mask
    if isinstance(both, dict):
        image, mask = both.get("image"), mask or both.get("mask")
    elif isinstance(both, list) and len(both) == 2:
        image, mask = both
    sent = []
    for what, given in (("image", image), ("mask", mask)):
        if given is not None and not isinstance(given, str):
            raise UserError(f"{of}: {what} must be a picture as base64")
        sent.append(read(given, f"{what} of {of}") if given else None)
    return sent[0], sent[1]


def _weights(unit: Unit, mode: Mode) -> Any:
    if unit.advanced_weighting:
        return tuple(unit.advanced_weighting)
    return "flat" if mode == "balanced" else "soft"


def _notes(unit: Unit, of: str, module: Module | str) -> tuple[str, ...]:
    notes = []
    if isinstance(module, Module) and not module.is_same:
        notes.append(f"{of}: {module.name} is made by zeroconv's own {module.condition}, as its ControlNet was trained")
        if not module.sliders and any(given not in (None, -1, 64) for given in (unit.threshold_a, unit.threshold_b)):
            notes.append(f"{of}: the thresholds have no effect on {module.name} here")
    if isinstance(module, Module):
        for slider, given in zip(module.sliders, (unit.threshold_a, unit.threshold_b), strict=False):
            if given not in (None, -1) and not slider.has(given):
                notes.append(f"{of}: {given:g} is not from {slider.low:g} to {slider.high:g}: the default is taken")
    if isinstance(module, Module) and unit.processor_res not in (None, -1, 512) and not unit.pixel_perfect:
        notes.append(f"{of}: processor_res has no effect: the condition is made at the picture's size (pixel perfect)")
    if unit.guess_mode:
        notes.append(f"{of}: guess_mode has no effect, as in webui since 1.1.136; control_mode does it")
    return tuple(notes)


def _picture(image: object) -> Image.Image:
    assert isinstance(image, Image.Image)
    return image
