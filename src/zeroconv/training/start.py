"""What a training begins with: a trainable copy of the base behind zero convolutions, or a ControlNet that is there."""

import torch

from zeroconv import weights
from zeroconv.base import BaseModel
from zeroconv.control import ControlNet
from zeroconv.errors import UserError
from zeroconv.training.config import SMALL

NARROW = (16, 16, 32, 64)
"""Widths of the condition encoder for small bases, where the released ones would cost as much as the whole U-Net."""


def first_controlnet(base: BaseModel, condition_channels: int, seed: int, start: str | None) -> ControlNet:
    """The ControlNet before the first step, on the base's device.

    start  a ControlNet to go on from (folder, file, built-in name or hub id): sooner there when its condition is akin,
           as soft edges to Canny's, but not the locked model at the first step. UserError where it does not fit.
    """
    if start is None:
        return _copy_of(base, condition_channels, seed)
    controlnet = weights.load(start, base)
    channels = controlnet.condition_channels
    if channels != condition_channels:
        raise UserError(f"{start} reads condition images of {channels} channels, these have {condition_channels}")
    return controlnet.requires_grad_(True)


def num_parameters(base: BaseModel) -> int:
    """Of the base's U-Net: what decides which settings suit it."""
    return sum(parameter.numel() for parameter in base.unet.parameters())


def _copy_of(base: BaseModel, condition_channels: int, seed: int) -> ControlNet:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return ControlNet(
            base.unet,
            factor=base.factor,
            condition_channels=condition_channels,
            conditioning_channels=_encoder_channels(base),
        )


def _encoder_channels(base: BaseModel) -> tuple[int, ...] | None:
    """One width per resolution from the pixels down to the latents; None: the released ones."""
    levels = base.factor.bit_length()
    return NARROW[:levels] if num_parameters(base) < SMALL and levels <= len(NARROW) else None
