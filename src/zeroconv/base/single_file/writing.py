"""A base as the weights of a single file in the original layout, which other programs read.

Source: the files of Stable Diffusion 1.x and 2.x (arXiv 2112.10752) and SDXL (arXiv 2307.01952).
"""

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from zeroconv.base.single_file.layout import AUTOENCODER, UNET, places_of
from zeroconv.errors import UserError
from zeroconv.original.autoencoder import autoencoder_to_original
from zeroconv.original.names import highest
from zeroconv.original.text_encoders import open_clip_to_original
from zeroconv.original.unet import unet_to_original

if TYPE_CHECKING:
    from zeroconv.base.model import BaseModel


def original_state(base: "BaseModel") -> dict[str, Tensor]:
    """The weights of a base under their names in a single file; UserError where that layout has none for some."""
    from zeroconv.base.saving import network_state

    places = places_of(base.unet.config)
    if len(places) != len(base.text_encoders):
        raise UserError(f"the base {base.name} has no form in the original layout: its text encoders are others.")
    found = _under(UNET, *unet_to_original(network_state(base.unet)), base)
    found |= _under(AUTOENCODER, *autoencoder_to_original(network_state(base.vae)), base)
    for (kind, prefix), encoder in zip(places, base.text_encoders, strict=True):
        state = network_state(encoder)
        if kind == "clip":
            found |= _under(prefix, state, [], base)
            continue
        renamed, unknown = open_clip_to_original(state)
        found |= _under(prefix, renamed if "text_projection" in renamed else _whole(renamed), unknown, base)
    if base.prediction_type == "v_prediction":
        found["v_pred"] = torch.empty(0)
    if base.scheduler.config.get("rescale_betas_zero_snr"):
        found["ztsnr"] = torch.empty(0)
    return found


def _under(prefix: str, state: dict[str, Any], unknown: list[str], base: "BaseModel") -> dict[str, Tensor]:
    if unknown:
        raise UserError(
            f"the base {base.name} has no form in the original layout: it has no name for {len(unknown)} of its "
            f"weights, the first: {unknown[0]}."
        )
    return {f"{prefix}{key}": value for key, value in state.items()}


def _whole(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """SD 2.x's OpenCLIP with what it never reads, so that strict programs load it: a last layer and a projection."""
    last = highest(state, r"transformer\.resblocks\.(\d+)\.")
    start, end = f"transformer.resblocks.{last}.", f"transformer.resblocks.{last + 1}."
    copied = {end + key.removeprefix(start): value.clone() for key, value in state.items() if key.startswith(start)}
    width = state["positional_embedding"].shape[1]
    ones = state["positional_embedding"].new_ones
    return {**state, **copied, "text_projection": ones(width, width), "logit_scale": ones(())}
