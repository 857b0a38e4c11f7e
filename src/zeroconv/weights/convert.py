"""ControlNets and bases from one layout into the other, with a proof that they compute the same.

Source: diffusers' folders; the released single files of lllyasviel/ControlNet and Stable Diffusion.
"""

import secrets
import shutil
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from zeroconv.base import base_place, load_base
from zeroconv.base.files import read_parts
from zeroconv.base.saving import write_parts
from zeroconv.base.shapes import encoder_of_shapes
from zeroconv.base.single_file.configs import not_in_shapes
from zeroconv.base.single_file.reading import read_networks
from zeroconv.base.single_file.writing import original_state
from zeroconv.control import ControlNet
from zeroconv.errors import UserError
from zeroconv.images import atomic_write
from zeroconv.tensor_files import write_tensors
from zeroconv.weights.architecture import config_of_shapes
from zeroconv.weights.completion import is_incomplete
from zeroconv.weights.describe import describe
from zeroconv.weights.interop import as_diffusers
from zeroconv.weights.loading import build, canonical, load_with_sidecar
from zeroconv.weights.places import Place, find, folder_place
from zeroconv.weights.proof import Proof, compared, in_memory, outputs_of, residuals_of
from zeroconv.weights.saving import to_original, write_folder
from zeroconv.weights.sidecar import Sidecar, read_sidecar

LAYOUTS = ("diffusers", "original")


@dataclass(frozen=True)
class Order:
    """What shall be converted into what."""

    source: str
    target: Path
    to: str
    """One of LAYOUTS."""
    dtype: torch.dtype | None = None
    """The number type in the written files; None: as in the source."""
    base: str | None = None
    """The base of a Control-LoRA or a difference, which are not whole without it."""
    tokenizer: str | None = None
    prediction: str | None = None


@dataclass(frozen=True)
class Converted:
    """What a conversion showed."""

    proofs: tuple[Proof, ...]
    """Source and result on the same random input, one a network."""
    notes: tuple[str, ...] = ()
    """What had to be decided to read the source, in words."""


def convert(order: Order) -> Converted:
    """Write `order.target` and compare what is read back from it with the source.

    UserError: a target that is there or has the wrong form, a source that is none or has no form in that layout.
    """
    _check(order)
    found = describe(order.source)
    if found.kind == "ControlNet":
        return Converted(_convert_controlnet(order))
    if found.kind == "base":
        return _convert_base(order)
    raise UserError(f"{order.source} is a {found.kind} alone: expected a ControlNet or a whole base.")


def _check(order: Order) -> None:
    if order.target.exists():
        raise UserError(f"{order.target} is there already: choose another name, or remove it.")
    is_file = order.target.suffix in (".safetensors", ".ckpt", ".pth", ".bin")
    if order.to == "original" and order.target.suffix != ".safetensors":
        raise UserError(f"the original layout is a file: expected a name ending in .safetensors, got {order.target}.")
    if order.to == "diffusers" and is_file:
        raise UserError(f"the diffusers layout is a folder: expected its name, got {order.target}.")


def _convert_controlnet(order: Order) -> tuple[Proof, ...]:
    place = find(order.source)
    stored = place.shapes()
    controlnet, sidecar = _read(order, place, is_whole=not is_incomplete(canonical(stored, place.path)))
    dtype = order.dtype or _most_frequent(stored)
    model = as_diffusers(controlnet)  # what diffusers cannot run has no form in either layout
    if order.to == "diffusers":
        write_folder(controlnet, order.target, sidecar, dtype)
    else:
        _write_file(to_original(controlnet), order.target, dtype)
    return (_proof(controlnet, model, order),)


def _read(order: Order, place: Place, *, is_whole: bool) -> tuple[ControlNet, Sidecar | None]:
    """The source in float32, and what is ours about it; a base is needed only where it is not whole without."""
    if order.base is not None:
        base = load_base(order.base, tokenizer=order.tokenizer, prediction=order.prediction)
        controlnet, known = load_with_sidecar(order.source, base)
        return controlnet, None if place.config is None else known
    if not is_whole:
        raise UserError(f"{place.path} is whole only with the weights of its base: give --base.")
    sidecar = None if place.config is None else read_sidecar(place.path)
    state = canonical(place.read(), place.path)
    config = place.config or config_of_shapes(state, not_in_shapes(encoder_of_shapes(state)))
    return build(config, state, place.path, variant=sidecar.variant if sidecar else "full"), sidecar


def _proof(controlnet: ControlNet, model: Any, order: Order) -> Proof:
    """diffusers' ControlNetModel on its side of the conversion, ours on the other."""
    settings = (model.config, controlnet.factor, controlnet.condition_channels)
    if order.to == "diffusers":
        before = residuals_of(controlnet, *settings)
        options = {"local_files_only": True, "low_cpu_mem_usage": False, "torch_dtype": torch.float32}
        written = in_memory(type(model).from_pretrained(order.target, **options)).eval()
        after = residuals_of(written, *settings)
    else:
        before = residuals_of(model, *settings)
        state = canonical(find(order.target).read(), order.target)
        after = residuals_of(build(config_of_shapes(state, model.config), state, order.target), *settings)
    return compared(f"{len(before)} residuals", before, after)


def _convert_base(order: Order) -> Converted:
    dtype = order.dtype or _stored_type(base_place(order.source))
    base = load_base(order.source, tokenizer=order.tokenizer, prediction=order.prediction)
    notes = base.notes
    before = outputs_of(base.unet, base.vae, base.text_encoders)
    if order.to == "diffusers":
        part = order.target.with_name(f".{order.target.name}.{secrets.token_hex(4)}.part")
        try:
            write_parts(base, part, dtype)
            part.rename(order.target)
        finally:
            shutil.rmtree(part, ignore_errors=True)
    else:
        _write_file(original_state(base), order.target, dtype)
    del base  # a large one fits in memory only once
    parts = read_parts(order.target, torch.float32) if order.to == "diffusers" else read_networks(order.target)
    after = outputs_of(parts.unet, parts.vae, parts.text_encoders)
    return Converted(tuple(compared(name, [before[name]], [after[name]]) for name in before), notes)


def _write_file(state: Mapping[str, Tensor], path: Path, dtype: torch.dtype) -> None:
    # copies, for weights that share memory cannot be written
    copies = {key: value.detach().to("cpu", dtype, copy=True).contiguous() for key, value in state.items()}
    with atomic_write(path) as part:
        write_tensors(copies, part)


def _stored_type(place: Path) -> torch.dtype:
    """The number type of a base's U-Net on the disk."""
    file = Place(place, (place,), None) if place.is_file() else folder_place(place / "unet", ("UNet2DConditionModel",))
    return _most_frequent(file.shapes())


def _most_frequent(state: Mapping[str, Tensor]) -> torch.dtype:
    return Counter(value.dtype for value in state.values()).most_common(1)[0][0]
