"""The anime line-art U-Net of ControlNet 1.1, in the layout of netG.pth: a pix2pix generator (arXiv:1611.07004).

Letters: B pictures, H W height and width in pixels (multiples of 256, as it halves eight times).
"""

from collections.abc import Mapping
from itertools import pairwise

import torch
from torch import Tensor, nn

WIDTHS = (64, 128, 256, 512, 512, 512, 512, 512)
"""Channels after each halving."""


class Level(nn.Module):
    """One level of the U-Net with all the levels below it inside: halve, go deeper, double, join with what came."""

    def __init__(self, channels: int, wide: int, below: "Level | None") -> None:
        super().__init__()
        inner = [nn.InstanceNorm2d(wide), below] if below else []
        self.model = nn.Sequential(
            nn.LeakyReLU(0.2),
            nn.Conv2d(channels, wide, 4, stride=2, padding=1),
            *inner,
            nn.ReLU(),
            nn.ConvTranspose2d(wide * (2 if below else 1), channels, 4, stride=2, padding=1),
            nn.InstanceNorm2d(channels),
        )

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, 2C, H, W); what is passed on is rectified, as the training did it in place."""
        x = self.model[0](x)
        return torch.cat((x, self.model[1:](x)), 1)


class AnimeDrawing(nn.Module):
    """RGB (B, 3, H, W) in -1..1 -> drawing (B, 1, H, W) in -1..1, dark lines on white."""

    def __init__(self) -> None:
        super().__init__()
        below: Level | None = None
        for channels, wide in reversed(list(pairwise(WIDTHS))):
            below = Level(channels, wide, below)
        first = nn.Conv2d(3, WIDTHS[0], 4, stride=2, padding=1)
        last = nn.ConvTranspose2d(2 * WIDTHS[0], 1, 4, stride=2, padding=1)
        outermost = nn.Module()
        outermost.model = nn.Sequential(first, below, nn.ReLU(), last, nn.Tanh())  # type: ignore[arg-type]
        self.model = outermost

    def forward(self, image: Tensor) -> Tensor:
        """The outermost level has neither shortcut nor norm."""
        return self.model.model(image)  # type: ignore[no-any-return, operator]


def build(tensors: Mapping[str, Tensor]) -> AnimeDrawing:
    """The one size there is."""
    return AnimeDrawing()
