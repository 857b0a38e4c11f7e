"""What a training begins with: a trainable copy of the base behind zero convolutions, or a ControlNet that is there."""

import torch

from zeroconv import weights
from zeroconv.base import BaseModel
from zeroconv.control import ControlNet
from zeroconv.errors import UserError
from zeroconv.training.config import SMALL
from zeroconv.variants import variant, variant_of

NARROW = (16, 16, 32, 64)
"""Widths of the condition encoder for small bases, where the released ones would cost as much as the whole U-Net."""


def first_controlnet(
    base: BaseModel, condition_channels: int, seed: int, start: str | None, name: str = "full"
) -> ControlNet:
    """The ControlNet before the first step, on the base's device.

    start  a ControlNet to go on from (folder, file, built-in name or hub id): sooner there when its condition is akin,
           as soft edges to Canny's, but not the locked model at the first step. UserError where it does not fit.
    name   its variant, which that of `start` must be; one of "middle" may go on as "full", all its joints in use.
    """
    if start is None:
        return _fresh(base, condition_channels, seed, name)
    controlnet = weights.load(start, base)
    channels = controlnet.condition_channels
    if channels != condition_channels:
        raise UserError(f"{start} reads condition images of {channels} channels, these have {condition_channels}")
    if (found := variant_of(controlnet)) != name:
        if (found, name) != ("middle", "full"):
            raise UserError(f"{start} is of the variant {found}, this training is of {name}; take --variant {found}")
        controlnet = _reconnected(base, controlnet)
    return controlnet.requires_grad_(True)


def num_parameters(base: BaseModel) -> int:
    """Of the base's U-Net: what decides which settings suit it."""
    return sum(parameter.numel() for parameter in base.unet.parameters())


def _reconnected(base: BaseModel, middle: ControlNet) -> ControlNet:
    """The second part of small-scale training (arXiv 2302.05543v1, "Improved Training"): the skips are steered too."""
    full = ControlNet(
        base.unet,
        factor=middle.factor,
        condition_channels=middle.condition_channels,
        global_pool=middle.global_pool,
        conditioning_channels=middle.conditioning_channels,
    )
    full.load_state_dict(middle.state_dict())
    return full


def _fresh(base: BaseModel, condition_channels: int, seed: int, name: str) -> ControlNet:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return variant(name)(
            base.unet,
            factor=base.factor,
            condition_channels=condition_channels,
            conditioning_channels=_encoder_channels(base),
        )


def _encoder_channels(base: BaseModel) -> tuple[int, ...] | None:
    """One width per resolution from the pixels down to the latents; None: the released ones."""
    levels = base.factor.bit_length()
    return NARROW[:levels] if num_parameters(base) < SMALL and levels <= len(NARROW) else None
