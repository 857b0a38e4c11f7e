"""What training and evaluation read: one picture with its condition, and the batch that a training step sees.

B examples, C latent channels, h w latent height and width, H W the same in pixels (H = factor * h),
N condition channels.
"""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch

from zeroconv.control import Text

Sizes = tuple[int, int, int, int, int, int]
"""Height and width of the picture before it was scaled, top and left of the part that is seen, its height and width."""


@dataclass(frozen=True)
class Example:
    """One picture, what it shows in words, and its condition: what a data source yields."""

    name: str
    """Which picture this is, for people: unique within its source."""
    image: npt.NDArray[np.uint8]
    """The picture, (H, W, 3) uint8 RGB."""
    caption: str
    """What the picture shows; the empty string where nothing is known."""
    condition: npt.NDArray[np.uint8]
    """The condition image, (H, W, N) uint8, as the ControlNet will see it once divided by 255."""
    index: int
    """Position in the source, counted from 0: with seed and epoch all that its noise depends on."""
    sizes: Sizes | None = None
    """What a base that is told sizes is told of this picture; None: that it is of the native size, as it was made."""


@dataclass(frozen=True)
class Batch:
    """What one loss needs. All of it is drawn beforehand, so that the objective itself is without randomness."""

    latents: torch.Tensor
    """(B, C, h, w), scaled as the base's U-Net expects them."""
    text: Text
    """The B encoded prompts, those dropped already replaced by the empty prompt."""
    condition: torch.Tensor
    """(B, N, H, W) in the range its kind declares, mostly [0, 1]."""
    noise: torch.Tensor
    """(B, C, h, w), standard normal."""
    timesteps: torch.Tensor
    """(B,) int64 in [0, number of the base's time steps)."""
    names: tuple[str, ...]
    """The B examples' names."""

    def __len__(self) -> int:
        return len(self.latents)

    def to(self, device: torch.device | str, dtype: torch.dtype | None = None) -> "Batch":
        """The same batch on another device and, where given, in another floating-point type."""
        return replace(
            self,
            latents=self.latents.to(device, dtype),
            text=self.text.to(device, dtype) if dtype is not None else self.text.to(device, self.text.tokens.dtype),
            condition=self.condition.to(device, dtype),
            noise=self.noise.to(device, dtype),
            timesteps=self.timesteps.to(device),
        )
