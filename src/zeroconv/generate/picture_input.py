"""The picture a run begins from: brought to size, encoded once, and sampled for each picture with its own generator.

The order of the draws is diffusers': the picture's latents, the noise, the masked picture's latents.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from zeroconv.base import BaseModel
from zeroconv.sampling.image_start import ImageStart, inpainting_channels, latent_mask

Generators = Sequence[torch.Generator]


@dataclass(frozen=True, eq=False)
class PictureInput:
    """What is changed, and where."""

    base: BaseModel
    picture: Image.Image
    """At the run's size."""
    mask: Image.Image | None
    """In grey at the run's size, white where the picture is made anew; None: everywhere."""
    denoise: float

    def begin(self, generators: Generators) -> tuple[Tensor, ImageStart, Tensor | None]:
        """Noise (B, C, H, W), what to begin from, and for inpainting bases the channels (B, 1 + C, H, W)."""
        is_wide, is_from_noise = has_inpainting_channels(self.base), self.mask is not None
        needs_latents = not (is_wide and self.denoise == 1)
        latents = self._drawn(self._posterior, generators) if needs_latents else None
        noise = draw_noise(self.base, self.picture.size, generators)
        if self.mask is None:
            assert latents is not None
            return noise, ImageStart(latents, self.denoise), None
        mask = latent_mask(mask_tensor(self.mask), (noise.shape[-2], noise.shape[-1])).to(noise)
        if not is_wide:
            assert latents is not None
            return noise, ImageStart(latents, self.denoise, mask, is_from_noise), None
        masked = self._drawn(self._masked_posterior, generators)
        start = ImageStart(noise if latents is None else latents, self.denoise, is_from_noise=is_from_noise)
        return noise, start, inpainting_channels(mask, masked)

    @cached_property
    def _pixels(self) -> Tensor:
        """(1, 3, H, W) in [-1, 1]."""
        values = np.asarray(self.picture.convert("RGB"), dtype=np.float32) / 255
        return torch.from_numpy(values).permute(2, 0, 1)[None] * 2 - 1

    @cached_property
    def _posterior(self) -> tuple[Tensor, Tensor]:
        return self.base.encode_posterior(self._pixels)

    @cached_property
    def _masked_posterior(self) -> tuple[Tensor, Tensor]:
        assert self.mask is not None
        return self.base.encode_posterior(self._pixels * (mask_tensor(self.mask) < 0.5))

    @staticmethod
    def _drawn(posterior: tuple[Tensor, Tensor], generators: Generators) -> Tensor:
        """One sample a generator: (B, C, H, W)."""
        mean, std = posterior
        drawn = [torch.randn(mean.shape, generator=generator) for generator in generators]
        return mean + std * torch.cat(drawn).to(mean)


def has_inpainting_channels(base: BaseModel) -> bool:
    """Whether the U-Net reads a mask and a masked picture beside the latents."""
    return int(base.unet.config.in_channels) == 2 * base.latent_channels + 1


def mask_tensor(mask: Image.Image) -> Tensor:
    """Grey values -> (1, 1, H, W) in [0, 1]."""
    return torch.from_numpy(np.asarray(mask, dtype=np.float32) / 255)[None, None]


def draw_noise(base: BaseModel, size: tuple[int, int], generators: Generators) -> Tensor:
    """(B, C, h, w): one draw a generator, in float32 on the CPU whatever the base, as diffusers draws."""
    shape = (1, base.latent_channels, size[1] // base.factor, size[0] // base.factor)
    drawn = [torch.randn(shape, generator=generator, dtype=torch.float32) for generator in generators]
    return torch.cat(drawn).to(base.device, base.dtype)
