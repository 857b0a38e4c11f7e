"""The condition as further channels of the noisy latents: latent diffusion's way, and that of SD v2's depth-to-image.

Source: "High-Resolution Image Synthesis with Latent Diffusion Models", arXiv 2112.10752, section 3.3: "simply
concatenate" what is aligned with the picture; the depth model of Stable Diffusion 2.0 was made from its text-to-image
model in this way, with one more input channel whose weights begin at zero.
No example was trained without its condition, so guidance drops the words alone: the condition is in both halves.
B examples, C latent channels, h w latent height and width, F pixels per latent, N condition channels, K further ones.
"""

from abc import abstractmethod
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from zeroconv.base import BaseModel
from zeroconv.comparisons.rival import Rival
from zeroconv.control import ConditionEncoder
from zeroconv.data.records import Batch
from zeroconv.evaluation.drawing import from_seeds, guided
from zeroconv.evaluation.sampler import Sampler
from zeroconv.objective import prediction_error
from zeroconv.training.start import NARROW


class Concatenated(Rival):
    """A U-Net of the base's shape that reads the condition, as large as the latents, behind them."""

    paper = "2112.10752"

    def __init__(self, base: BaseModel, unet: Any) -> None:
        """unet: of C + K input channels, trained as a whole."""
        super().__init__(base)
        self.unet = unet
        self._whole = replace(base, unet=unet)  # which locks it
        unet.requires_grad_(True)

    @abstractmethod
    def reduced(self, condition: Tensor) -> Tensor:
        """condition (B, N, F*h, F*w) in [0, 1] -> (B, K, h, w)."""

    def losses(self, batch: Batch) -> Tensor:
        """The base's own objective, by a U-Net that sees the condition."""
        noisy_latents = self.base.add_noise(batch.latents, batch.noise, batch.timesteps)
        seen = torch.cat([noisy_latents, self.reduced(batch.condition)], dim=1)
        return prediction_error(self.base, self._whole.predict_noise(seen, batch.timesteps, batch.text), batch)

    @torch.no_grad()
    def draw(self, prompts: Sequence[str], condition: Tensor, seeds: Sequence[int], sampler: Sampler) -> Tensor:
        """As the base is sampled."""
        reduced = self.reduced(condition.to(self.base.device, self.base.dtype))
        predict_noise = guided(self._whole, prompts, sampler, channels=reduced)
        return from_seeds(self.base, predict_noise, seeds, sampler)


class ConcatenatedLDM(Concatenated):
    """Latent diffusion from words and a condition, trained from nothing for it."""

    name = "LDM with concatenated condition"
    idea = "A latent diffusion model that is trained from scratch with the condition concatenated to its latents."
    simplified = (
        "The U-Net has the shape of the base's and its autoencoder and text encoder are taken as they are; a small "
        "strided encoder that learns with it brings any condition image to the latents' size, where the published one "
        "shrinks the classes of a segmentation and mixes them by a 1x1 convolution."
    )

    def __init__(self, base: BaseModel, condition_channels: int = 3, *, seed: int = 0) -> None:
        """seed: decides the first weights."""
        channels = base.latent_channels
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            unet = type(base.unet).from_config(base.unet.config, in_channels=channels + channels)
            encoder = ConditionEncoder(condition_channels, (*NARROW[: base.factor.bit_length()], channels))
        super().__init__(base, unet.to(base.device))
        self.encoder = encoder.to(base.device)

    def reduced(self, condition: Tensor) -> Tensor:
        """K = C channels that the encoder makes of it."""
        encoded: Tensor = self.encoder(condition)
        return encoded


class DepthToImage(Concatenated):
    """The base, trained further with the depth as one more channel."""

    name = "Depth-to-image (SD v2)"
    idea = (
        "The base's whole U-Net is trained further, with depth as one more input channel whose weights begin at zero."
    )
    simplified = (
        "Depth is that of the condition image, averaged over each latent's pixels; the published model estimates it by "
        "MiDaS, shrinks it bicubically and stretches each picture's to [-1, 1]."
    )

    def __init__(self, base: BaseModel) -> None:
        super().__init__(base, widened(base.unet, 1))

    def reduced(self, condition: Tensor) -> Tensor:
        """K = 1: the grey of the condition, whatever it is, in [-1, 1]."""
        return 2 * F.avg_pool2d(condition.mean(dim=1, keepdim=True), self.base.factor) - 1


def widened(unet: Any, channels: int) -> Any:
    """A copy of a U-Net that reads so many further channels, with weights that are zero: it predicts as before."""
    wide = deepcopy(unet)
    wide.conv_in = WidenedConvolution(wide.conv_in, channels)
    wide.register_to_config(in_channels=wide.conv_in.in_channels)
    return wide


class WidenedConvolution(nn.Conv2d):
    """A convolution that reads further channels, by weights that begin at zero: what it adds is then zero, bitwise."""

    def __init__(self, before: nn.Conv2d, channels: int) -> None:
        sides = {"kernel_size": before.kernel_size, "padding": before.padding}
        super().__init__(before.in_channels + channels, before.out_channels, **sides)  # type: ignore[arg-type]
        silent = before.weight.new_zeros(before.out_channels, channels, *before.kernel_size)
        self.load_state_dict({"weight": torch.cat([before.weight, silent], dim=1), "bias": before.bias})
        self.to(before.weight)
        self.taken = before.in_channels

    def forward(self, channels: Tensor) -> Tensor:
        """One sum after the other: a convolution of all channels at once rounds in another order."""
        read = F.conv2d(channels[:, : self.taken], self.weight[:, : self.taken], self.bias, padding=self.padding)
        return read + F.conv2d(channels[:, self.taken :], self.weight[:, self.taken :], padding=self.padding)
