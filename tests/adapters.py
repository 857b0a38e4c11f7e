"""Small random T2I-Adapters: diffusers', and a network with the names and the forward of TencentARC's files."""

from typing import Any

import torch
from diffusers import T2IAdapter
from torch import Tensor, nn
from torch.nn import functional as F

from zeroconv.adapter import Adapter

KINDS = ("full_adapter", "light_adapter", "full_adapter_xl")
WIDTHS = (16, 32, 32, 32)
"""Of the small random bases in SD 1.5's shape, and of an adapter for those in SDXL's."""


def random_network(kind: str = "full_adapter", channels: int = 3, seed: int = 1) -> T2IAdapter:
    torch.manual_seed(seed)
    widths = WIDTHS[:3] if kind == "light_adapter" else WIDTHS
    unshuffling = 16 if kind == "full_adapter_xl" else 8
    options: dict[str, Any] = {"downscale_factor": unshuffling, "adapter_type": kind}
    return T2IAdapter(channels, widths, num_res_blocks=2, **options).eval()


def random_adapter(kind: str = "full_adapter", channels: int = 3, seed: int = 1) -> Adapter:
    return Adapter(random_network(kind, channels, seed))


class OriginalBlock(nn.Module):
    """A residual block of a full adapter, with the convolution that changes the width, and the halving before it."""

    def __init__(self, before: int, width: int, halves: bool) -> None:
        super().__init__()
        self.halves = halves
        if before != width:
            self.in_conv = nn.Conv2d(before, width, 1)
        self.block1 = nn.Conv2d(width, width, 3, padding=1)
        self.block2 = nn.Conv2d(width, width, 1)

    def forward(self, hidden: Tensor) -> Tensor:
        hidden = F.avg_pool2d(hidden, 2) if self.halves else hidden
        hidden = self.in_conv(hidden) if hasattr(self, "in_conv") else hidden
        return hidden + self.block2(F.relu(self.block1(hidden)))


class OriginalFull(nn.Module):
    """The full adapter of SD 1.x or of SDXL: eight blocks in one list, two a scale."""

    def __init__(self, channels: int, is_xl: bool = False, widths: tuple[int, ...] = WIDTHS) -> None:
        super().__init__()
        self.unshuffling = 16 if is_xl else 8
        self.conv_in = nn.Conv2d(channels * self.unshuffling**2, widths[0], 3, padding=1)
        halving = (2,) if is_xl else (1, 2, 3)
        self.body = nn.ModuleList()
        for scale, width in enumerate(widths):
            self.body.append(OriginalBlock(widths[max(0, scale - 1)], width, scale in halving))
            self.body.append(OriginalBlock(width, width, False))

    def forward(self, condition: Tensor) -> list[Tensor]:
        hidden, features = self.conv_in(F.pixel_unshuffle(condition, self.unshuffling)), []
        for index, block in enumerate(self.body):
            hidden = block(hidden)
            features += [hidden] if index % 2 else []
        return features


class OriginalLight(nn.Module):
    """The light adapter: narrow blocks of two 3x3 convolutions between two 1x1 ones, a block a scale."""

    def __init__(self, channels: int, widths: tuple[int, ...] = WIDTHS, depth: int = 4) -> None:
        super().__init__()
        before = (channels * 64, *widths)
        self.body = nn.ModuleList(_light_block(*pair, depth) for pair in zip(before, widths, strict=False))

    def forward(self, condition: Tensor) -> list[Tensor]:
        hidden, features = F.pixel_unshuffle(condition, 8), []
        for scale, block in enumerate(self.body):
            hidden = block.in_conv(F.avg_pool2d(hidden, 2) if scale else hidden)
            for inner in block.body:
                hidden = hidden + inner.block2(F.relu(inner.block1(hidden)))
            hidden = block.out_conv(hidden)
            features.append(hidden)
        return features


def _light_block(before: int, width: int, depth: int) -> nn.Module:
    block, narrow = nn.Module(), width // 4
    block.in_conv, block.out_conv = nn.Conv2d(before, narrow, 1), nn.Conv2d(narrow, width, 1)
    block.body = nn.Sequential(*(nn.Module() for _ in range(depth)))
    for inner in block.body:
        inner.block1, inner.block2 = (nn.Conv2d(narrow, narrow, 3, padding=1) for _ in range(2))
    return block


ORIGINALS: dict[str, Any] = {
    "full_adapter": OriginalFull,
    "light_adapter": OriginalLight,
    "full_adapter_xl": lambda channels, **widths: OriginalFull(channels, is_xl=True, **widths),
}
