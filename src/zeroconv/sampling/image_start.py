"""Sampling that begins from a picture, and that keeps what a mask leaves: image-to-image and inpainting.

Sources: SDEdit, arXiv 2108.01073 (a picture, noised part of the way); blended latent diffusion, arXiv 2206.02779 (after
every step the rest is put back at the step's noise level); the U-Nets of Stable Diffusion inpainting, which read mask
and masked picture as five more channels. Shapes as in loop.py.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from zeroconv.errors import UserError


@dataclass(frozen=True, eq=False)
class ImageStart:
    """The picture that sampling begins from, in latents, and which part of it may change."""

    latents: Tensor
    """(B, C, H, W) of the picture."""
    denoise: float
    """Share of the steps that are taken, in (0, 1]."""
    mask: Tensor | None = None
    """(1, 1, H, W) 1 where the picture is made anew, 0 where it is put back after every step."""
    is_from_noise: bool = False
    """Whether at a denoise of 1 nothing but noise is begun with, as inpainting does."""

    def noised(self, scheduler: Any, noise: Tensor, timestep: Tensor) -> Tensor:
        """What the first step begins with, at its time step ()."""
        if self.is_from_noise and self.denoise == 1:
            noised: Tensor = noise * scheduler.init_noise_sigma
        else:
            noised = scheduler.add_noise(self.latents, noise, timestep.repeat(len(noise)))
        return noised

    def blended(self, scheduler: Any, latents: Tensor, noise: Tensor, following: Tensor | None) -> Tensor:
        """The latents after a step, the picture put back where it is kept; following: the next time step, if any."""
        if self.mask is None:
            return latents
        kept = self.latents if following is None else scheduler.add_noise(self.latents, noise, following[None])
        return (1 - self.mask) * kept + self.mask * latents


def skipped_steps(steps: int, denoise: float) -> int:
    """How many of the steps are left out; UserError where none is left."""
    taken = min(int(steps * denoise), steps)
    if taken < 1:
        raise UserError(f"a denoise of {denoise:g} leaves none of {steps} steps; give more of either")
    return steps - taken


def latent_mask(mask: Tensor, size: tuple[int, int]) -> Tensor:
    """A mask (1, 1, any height, any width) in [0, 1] -> (1, 1, H, W) of 0 and 1, by the nearest pixel."""
    return F.interpolate((mask >= 0.5).to(mask.dtype), size=size)


def inpainting_channels(mask: Tensor, masked_latents: Tensor) -> Tensor:
    """(1, 1, H, W) and the latents (B, C, H, W) of the picture without what is made anew -> (B, 1 + C, H, W)."""
    return torch.cat([mask.expand(len(masked_latents), -1, -1, -1), masked_latents], dim=1)
