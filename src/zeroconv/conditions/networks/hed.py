"""HED, holistically nested edge detection (arXiv:1504.06375), in the layout of ControlNetHED.pth.

A VGG trunk of five blocks; each block has its own edge map, and the soft edge is the sigmoid of their mean. This
re-training takes RGB in 0..255 and subtracts a learned colour.
Letters: B pictures, H W height and width in pixels.
"""

from collections.abc import Mapping
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

BLOCKS = ((3, 64, 2), (64, 128, 2), (128, 256, 3), (256, 512, 3), (512, 512, 3))
"""Channels in, channels out and number of convolutions of each block."""


class Block(nn.Module):
    """3x3 convolutions with ReLU, and the edge map read from the last."""

    def __init__(self, channels_in: int, channels_out: int, depth: int) -> None:
        super().__init__()
        widths = (channels_in, *([channels_out] * depth))
        self.convs = nn.ModuleList(nn.Conv2d(a, b, 3, padding=1) for a, b in pairwise(widths))
        self.projection = nn.Conv2d(channels_out, 1, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Features (B, C, H, W) -> features (B, C', H, W), edge map (B, 1, H, W)."""
        for convolution in self.convs:
            x = F.relu(convolution(x))
        return x, self.projection(x)


class HED(nn.Module):
    """RGB (B, 3, H, W) in 0..255 -> soft edges (B, 1, H, W) in 0..1."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.Parameter(torch.zeros(1, 3, 1, 1))
        for number, (channels_in, channels_out, depth) in enumerate(BLOCKS, 1):
            self.add_module(f"block{number}", Block(channels_in, channels_out, depth))

    def forward(self, image: Tensor) -> Tensor:
        """Each block but the first works at half the resolution of the one before."""
        size = image.shape[2:]
        x = image - self.norm
        edges = []
        for number in range(1, len(BLOCKS) + 1):
            if number > 1:
                x = F.max_pool2d(x, 2)
            x, edge = self.get_submodule(f"block{number}")(x)
            edges.append(F.interpolate(edge, size, mode="bilinear", align_corners=False))
        return torch.sigmoid(torch.stack(edges).mean(0))


def build(tensors: Mapping[str, Tensor]) -> HED:
    """The one size there is."""
    return HED()
