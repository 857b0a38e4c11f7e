"""A ControlNet from any layout: our folder, diffusers' folder, or a single file in diffusers' or the original layout.

Source: diffusers' ControlNetModel; the released .pth files of lllyasviel/ControlNet (arXiv 2302.05543).
"""

import warnings
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from zeroconv.adapter import Adapter
from zeroconv.base import BaseModel
from zeroconv.base.families import family_of
from zeroconv.control import ControlNet
from zeroconv.errors import UserError
from zeroconv.original.names import inside
from zeroconv.original.strangers import T2I_ADAPTER, kind_of, what_is
from zeroconv.weights.adapters import is_adapter, load_adapter
from zeroconv.weights.architecture import config_of_shapes, encoder_config, skeleton
from zeroconv.weights.completion import DIFFERENCE, LOW_RANK, completed, full_shapes, is_incomplete
from zeroconv.weights.keys import DIFFUSERS_MARK, MARK, diffusers_to_ours, from_original
from zeroconv.weights.places import CONTROLS, Place, find
from zeroconv.weights.sidecar import Sidecar, read_sidecar

# How the original layout's keys may begin, the longest first; whole-model files hold the base beside them.
_PREFIXES = ("model.control_model.", "control_model.", "")
_REFUSED = ("a ControlNet-LLLite", "an IP-Adapter", "a ControlNet-Union", "a ControlNet-XS", T2I_ADAPTER)
"""Kinds of control that are no ControlNets, though some hold a ControlNet's names too."""


def load(source: str | Path, base: BaseModel) -> ControlNet:
    """Load a ControlNet for `base`: a built-in name, a folder, a .safetensors, .pth or .ckpt file, or a hub id.

    Control-LoRAs and differences become whole with the weights of `base`. It comes in eval mode on the base's device
    and in its number type. UserError: nothing there, damaged, code in a pickle, weights missing, or made for another
    family of bases. A warning: trained on another base of the family.
    """
    return load_with_sidecar(source, base)[0]


def load_with_sidecar(source: str | Path, base: BaseModel) -> tuple[ControlNet, Sidecar]:
    """As `load`, with what `zeroconv.json` says of it; an empty sidecar for ControlNets made elsewhere."""
    return _load(find(source), base, source)


def load_control(source: str | Path, base: BaseModel) -> tuple[ControlNet | Adapter, Sidecar]:
    """As `load_with_sidecar`, or a T2I-Adapter with an empty sidecar: whatever steers a base."""
    place = find(source, CONTROLS)
    return (load_adapter(place, base), Sidecar()) if is_adapter(place) else _load(place, base, source)


def _load(place: Place, base: BaseModel, source: str | Path) -> tuple[ControlNet, Sidecar]:
    sidecar = Sidecar() if place.config is None else read_sidecar(place.path)
    state = canonical(place.read(), place.path)
    shapes = full_shapes(state)
    config = place.config or config_of_shapes(shapes, base.unet.config)
    _check_family(config, shapes, base)
    if is_incomplete(state):
        state = completed(state, base.unet.state_dict(), place.path)
    controlnet = build(config, state, place.path, variant=sidecar.variant, device=base.device, dtype=base.dtype)
    _warn_of_another_base(sidecar, base, source)
    return controlnet, sidecar


def build(
    config: Mapping[str, Any],
    state: Mapping[str, Tensor],
    path: Path,
    *,
    variant: str = "full",
    device: torch.device | None = None,
    dtype: torch.dtype = torch.float32,
) -> ControlNet:
    """The ControlNet of a config with its weights in diffusers' names, in eval mode; `path` stands in errors."""
    controlnet = skeleton(config, variant)
    _fill(controlnet, state, path, device or torch.device("cpu"), dtype)
    if config.get("controlnet_conditioning_channel_order") == "bgr":
        _flip_channels(controlnet)
    return controlnet.eval()


def canonical(state: Mapping[str, Tensor], path: Path) -> dict[str, Tensor]:
    """A file's ControlNet weights under diffusers' names, whatever its layout; UserError where it has none.

    What is incomplete without a base keeps its mark (`completion.is_incomplete`).
    """
    if (kind := kind_of(state)) in _REFUSED:
        reason = "acts in pictures only" if kind == T2I_ADAPTER else "zeroconv does not run"
        raise UserError(f"{path} is {kind}, which {reason}: expected a ControlNet.")
    marks = {key: state[key] for key in (LOW_RANK, DIFFERENCE) if key in state}
    if DIFFUSERS_MARK in state:
        return dict(state)
    prefix = next((prefix for prefix in _PREFIXES if f"{prefix}{MARK}" in state), None)
    if prefix is None:
        raise UserError(f"{path} is not a ControlNet: expected its weights, got {what_is(state)}.")
    bare = {key: value for key, value in inside(state, prefix).items() if key not in marks}
    renamed, unknown = from_original(bare)
    if unknown:
        raise UserError(f"{path} has {len(unknown)} weights that no ControlNet has, the first: {_some(unknown)}.")
    return renamed | marks


def _check_family(config: Mapping[str, Any], state: Mapping[str, Tensor], base: BaseModel) -> None:
    """The copy must read the same text and fit the same levels as the base it steers."""
    mine, theirs = encoder_config(config, state), base.unet.config
    facts = ("cross_attention_dim", "block_out_channels", "addition_embed_type")
    if any(_plain(mine.get(key)) != _plain(theirs.get(key)) for key in facts):
        raise UserError(f"this ControlNet was made for {_named(mine)}, the base {base.name} is {_named(theirs)}.")
    if mine["in_channels"] != theirs["in_channels"] and mine["in_channels"] != base.latent_channels:
        got = f"this ControlNet reads latents of {mine['in_channels']} channels"
        raise UserError(f"{got}, the base {base.name} has {base.latent_channels}.")


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple | list) else value


def _named(config: Mapping[str, Any]) -> str:
    """The family and what tells it apart: "sd21 (text width 1024)"."""
    family = family_of(config)
    levels = "" if family != "unknown" else f", levels {'/'.join(map(str, config['block_out_channels']))}"
    name = "a family without a name" if family == "unknown" else family
    return f"{name} (text width {config.get('cross_attention_dim')}{levels})"


def _fill(
    controlnet: ControlNet, state: Mapping[str, Tensor], path: Path, device: torch.device, dtype: torch.dtype
) -> None:
    """Give the skeleton its weights; every key and every shape must agree."""
    wanted = controlnet.state_dict()
    given = {diffusers_to_ours(key): value for key, value in state.items()}
    missing, unknown = sorted(wanted.keys() - given.keys()), sorted(given.keys() - wanted.keys())
    if missing or unknown:
        raise UserError(f"{path} does not fit its config: {_differences(missing, unknown)}.")
    wrong = [key for key in wanted if wanted[key].shape != given[key].shape]
    if wrong:
        key = wrong[0]
        shapes = f"expected {tuple(wanted[key].shape)}, got {tuple(given[key].shape)}"
        raise UserError(f"{path} has {len(wrong)} weights of another shape, the first: {key}: {shapes}.")
    # Copies: in a mapped file weights lie at any address, and there the processor's sums differ in their last bit.
    copies = {key: value.to(device, dtype, copy=True) for key, value in given.items()}
    controlnet.load_state_dict(copies, assign=True)
    controlnet.requires_grad_(True)


def _differences(missing: list[str], unknown: list[str]) -> str:
    parts = [f"{len(missing)} weights are missing ({_some(missing)})"] if missing else []
    if unknown:
        near = get_close_matches(unknown[0], missing, n=1)
        meant = f", perhaps for {near[0]}" if near else ""
        parts.append(f"{len(unknown)} are not known ({_some(unknown)}{meant})")
    return " and ".join(parts)


def _some(keys: Iterable[str]) -> str:
    names = list(keys)
    return ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")


def _flip_channels(controlnet: ControlNet) -> None:
    """A ControlNet that reads BGR becomes one that reads RGB: its first convolution takes its channels backwards."""
    weight = controlnet.condition_encoder.conv_in.weight
    weight.data = weight.data.flip(1).contiguous()


def _warn_of_another_base(sidecar: Sidecar, base: BaseModel, source: str | Path) -> None:
    """bfloat16 rounds more than the fingerprint does: such a base cannot be compared."""
    known = sidecar.base_fingerprint
    if known and base.dtype != torch.bfloat16 and known != base.fingerprint():
        warnings.warn(
            f"{source} was trained on the base {sidecar.base} ({known}), this base is {base.name} "
            f"({base.fingerprint()}): it may follow its condition less well",
            stacklevel=4,
        )
