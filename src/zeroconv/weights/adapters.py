"""T2I-Adapters on disk: diffusers' folder, a file with diffusers' names, or one in TencentARC's layout.

Source: diffusers' T2IAdapter; the released files of arXiv 2302.08453. What a single file is, its shapes tell.
"""

from collections.abc import Mapping
from math import isqrt
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from zeroconv.adapter import Adapter
from zeroconv.base import BaseModel
from zeroconv.base.families import FULL_SIZE
from zeroconv.errors import UserError
from zeroconv.original.adapter import adapter_to_diffusers, is_diffusers
from zeroconv.original.names import highest, inside
from zeroconv.original.strangers import T2I_ADAPTER, kind_of
from zeroconv.weights.architecture import ADAPTER_CLASS
from zeroconv.weights.places import Place

_SDXL_UNSHUFFLING = 16
"""Pixels a side that SDXL's adapters fold into channels; twice those of a latent."""


def is_adapter(place: Place) -> bool:
    """Whether a checkpoint is a T2I-Adapter."""
    if place.config is not None:
        return place.config.get("_class_name") == ADAPTER_CLASS
    return kind_of(place.shapes()) == T2I_ADAPTER


def load_adapter(place: Place, base: BaseModel) -> Adapter:
    """The adapter for `base`, on its device and in its number type; UserError where it is damaged or fits another."""
    from diffusers import T2IAdapter

    state = canonical_adapter(place.read(), place.path)
    config = place.config or adapter_config(state, place.path)
    with torch.device("meta"):
        network = T2IAdapter.from_config({key: value for key, value in config.items() if not key.startswith("_")})
    adapter = Adapter(network)
    _check_family(adapter, base)
    _check_weights(network.state_dict(), state, place.path)
    copies = {key: value.to(base.device, base.dtype, copy=True) for key, value in state.items()}
    network.load_state_dict(copies, assign=True)
    return Adapter(network)


def canonical_adapter(state: Mapping[str, Tensor], path: Path) -> dict[str, Tensor]:
    """A file's weights under diffusers' names; UserError for adapters that diffusers' T2IAdapter cannot run."""
    renamed, unknown = adapter_to_diffusers(state)
    if unknown:
        names = ", ".join(unknown[:3])
        raise UserError(f"{path} is a T2I-Adapter of an early kind: {len(unknown)} weights are not known ({names}).")
    return renamed


def adapter_config(state: Mapping[str, Tensor], path: Path) -> dict[str, Any]:
    """The config of diffusers' T2IAdapter from weights under its names."""
    bare = inside(state, "adapter.")
    is_light = "body.0.out_conv.weight" in bare
    scales = range(1 + highest(bare, r"body\.(\d+)\."))
    last = "out_conv" if is_light else "resnets.0.block1"
    try:
        folded = bare["body.0.in_conv.weight" if is_light else "conv_in.weight"].shape[1]
        widths = [bare[f"body.{scale}.{last}.weight"].shape[0] for scale in scales]
    except KeyError as missing:
        raise UserError(f"{path} is a T2I-Adapter that lacks the weight {missing.args[0]}.") from missing
    channels = 1 if folded % 3 else 3  # grey or colour, each pixel's side a power of two
    unshuffling = isqrt(folded // channels)
    is_xl = unshuffling == _SDXL_UNSHUFFLING
    return {
        "in_channels": channels,
        "channels": widths[:-1] if is_light else widths,
        "num_res_blocks": 1 + highest(bare, r"body\.0\.resnets\.(\d+)\."),
        "downscale_factor": unshuffling,
        "adapter_type": "light_adapter" if is_light else "full_adapter_xl" if is_xl else "full_adapter",
    }


def adapter_shape(base: BaseModel) -> dict[str, Any]:
    """The settings of diffusers' T2IAdapter with which it fits the base; UserError where none does.

    Features lie as in SD 1.x's adapters where each level but the last reads the text, as in SDXL's where the first of
    three does not.
    """
    levels = tuple(base.unet.config.block_out_channels)
    if _is_like_sdxl(base):
        return {
            "channels": (*levels, levels[-1]),
            "downscale_factor": 2 * base.factor,
            "adapter_type": "full_adapter_xl",
        }
    _check_reads_text(base)
    return {"channels": levels, "downscale_factor": base.factor, "adapter_type": "full_adapter"}


def adapter_layout(place: Place) -> str:
    """How an adapter lies on the disk, in words."""
    if place.config is not None:
        return "diffusers folder"
    return "diffusers file" if is_diffusers(place.shapes()) else "original file"


def adapter_family(config: Mapping[str, Any]) -> str:
    """ "sd15", whose adapters fit SD 2.x by their shapes too, "sdxl" or "unknown"."""
    widths = tuple(config["channels"])
    if config["adapter_type"] == "full_adapter_xl":
        sdxl = FULL_SIZE["sdxl"]["block_out_channels"]
        return "sdxl" if widths == (*sdxl, sdxl[-1]) else "unknown"
    is_light = config["adapter_type"] == "light_adapter"
    return "sd15" if widths == (320, 640, 1280, 1280)[: 3 if is_light else 4] else "unknown"


def _check_family(adapter: Adapter, base: BaseModel) -> None:
    """Each feature must fit what it is added to."""
    is_xl = adapter.kind == "full_adapter_xl"
    levels = tuple(base.unet.config.block_out_channels)
    expected = (*levels, levels[-1]) if is_xl else levels
    if adapter.widths != expected or adapter.factor != base.factor or (is_xl and not _is_like_sdxl(base)):
        mine, theirs = ("/".join(map(str, widths)) for widths in (adapter.widths, levels))
        raise UserError(
            f"this T2I-Adapter was made for {'SDXL' if is_xl else 'SD 1.x'} (channels {mine}, {adapter.factor} pixels "
            f"per latent), the base {base.name} is {base.family} (levels {theirs}, {base.factor} pixels per latent)."
        )
    if not is_xl:
        _check_reads_text(base)


def _is_like_sdxl(base: BaseModel) -> bool:
    """Whether the features of an adapter for SDXL fit: behind the first of three levels, which reads no text, within
    the others, and behind the middle."""
    reads_text = ["CrossAttn" in kind for kind in base.unet.config.down_block_types]
    return reads_text == [False, True, True]


def _check_reads_text(base: BaseModel) -> None:
    silent = [kind for kind in base.unet.config.down_block_types[:-1] if "CrossAttn" not in kind]
    if silent:  # diffusers adds behind their downsampler, where a feature is twice too large
        raise UserError(
            f"T2I-Adapters need attention to the text on each level but the last, the base {base.name} has {silent[0]}."
        )


def _check_weights(wanted: Mapping[str, Tensor], state: Mapping[str, Tensor], path: Path) -> None:
    odd = sorted(wanted.keys() ^ state.keys())
    odd += [key for key in wanted if key in state and wanted[key].shape != state[key].shape]
    if odd:
        names = ", ".join(odd[:3])
        raise UserError(f"{path} is a T2I-Adapter whose weights do not fit: {len(odd)} are not as expected ({names}).")
