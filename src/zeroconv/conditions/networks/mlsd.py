"""M-LSD, light-weight line segment detection (arXiv:2106.00186), in the layouts mlsd_large and mlsd_tiny_512_fp32.pth.

A MobileNetV2 backbone and a decoder that says, at half the resolution, where the centre of a segment is and how far
away its two ends are.
Letters: B pictures, H W height and width in pixels (multiples of 16), N segments.
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

STAGES = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1))
"""Expansion, channels, blocks and stride of each stage of the backbone; tiny has no fifth."""

LARGE = ((64, 96, 64, False), (32, 64, 64, True), (24, 64, 64, True), (16, 64, 64, True))
TINY = ((32, 64, 64, True), (24, 64, 32, True))
"""Decoder: channels of the finer stage, of what came before, of each after narrowing; whether that is doubled."""

TOP = 200
"""Segments that are read at most."""


class ConvolutionNormReLU(nn.Sequential):
    """Convolution, batch norm and ReLU6; at stride 2 padded below and to the right, as the first training did."""

    def __init__(self, channels_in: int, channels_out: int, kernel: int, stride: int = 1, groups: int = 1) -> None:
        self.shifted = stride == 2
        padding = 0 if self.shifted else kernel // 2
        super().__init__(
            nn.Conv2d(channels_in, channels_out, kernel, stride, padding, groups=groups, bias=False),
            nn.BatchNorm2d(channels_out),
            nn.ReLU6(),
        )

    def forward(self, x: Tensor) -> Tensor:
        """(B, I, H, W) -> (B, O, H, W) or half of it."""
        x = F.pad(x, (0, 1, 0, 1)) if self.shifted else x
        for layer in self:
            x = layer(x)
        return x


class InvertedResidual(nn.Module):
    """Widen, filter each channel, narrow (MobileNetV2, arXiv:1801.04381)."""

    def __init__(self, channels_in: int, channels_out: int, stride: int, expansion: int) -> None:
        super().__init__()
        self.is_residual = stride == 1 and channels_in == channels_out
        wide = channels_in * expansion
        widen = [ConvolutionNormReLU(channels_in, wide, 1)] if expansion > 1 else []
        self.conv = nn.Sequential(
            *widen,
            ConvolutionNormReLU(wide, wide, 3, stride, groups=wide),
            nn.Conv2d(wide, channels_out, 1, bias=False),
            nn.BatchNorm2d(channels_out),
        )

    def forward(self, x: Tensor) -> Tensor:
        """(B, I, H, W) -> (B, O, H, W) or half of it."""
        y: Tensor = self.conv(x)
        return x + y if self.is_residual else y


class Backbone(nn.Module):
    """MobileNetV2 without its last stages: features of the last block of each stage, finest first."""

    def __init__(self, stages: Sequence[tuple[int, int, int, int]]) -> None:
        super().__init__()
        layers: list[nn.Module] = [ConvolutionNormReLU(4, 32, 3, 2)]
        self.last: list[int] = []
        channels = 32
        for expansion, wide, blocks, stride in stages:
            for number in range(blocks):
                layers.append(InvertedResidual(channels, wide, stride if number == 0 else 1, expansion))
                channels = wide
            self.last.append(len(layers) - 1)
        self.features = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> list[Tensor]:
        """(B, 4, H, W) -> one (B, C, h, w) a stage."""
        kept = []
        for number, layer in enumerate(self.features):
            x = layer(x)
            if number in self.last:
                kept.append(x)
        return kept


def _layer(channels_in: int, channels_out: int, kernel: int = 3, dilation: int = 1) -> nn.Sequential:
    padding = dilation * (kernel // 2)
    convolution = nn.Conv2d(channels_in, channels_out, kernel, padding=padding, dilation=dilation)
    return nn.Sequential(convolution, nn.BatchNorm2d(channels_out), nn.ReLU())


class Join(nn.Module):
    """Finer and coarser features side by side (block A of the paper)."""

    def __init__(self, fine: int, coarse: int, channels: int, doubles: bool = True) -> None:
        super().__init__()
        self.doubles = doubles
        self.conv1 = _layer(coarse, channels, 1)
        self.conv2 = _layer(fine, channels, 1)

    def forward(self, fine: Tensor, coarse: Tensor) -> Tensor:
        """(B, F, H, W) and (B, C, H/2, W/2) -> (B, 2 * channels, H, W)."""
        coarse = self.conv1(coarse)
        if self.doubles:
            coarse = F.interpolate(coarse, scale_factor=2.0, mode="bilinear", align_corners=True)
        return torch.cat((self.conv2(fine), coarse), 1)


class Refine(nn.Module):
    """A residual convolution and a narrowing one (block B)."""

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__()
        self.conv1 = _layer(channels_in, channels_in)
        self.conv2 = _layer(channels_in, channels_out)

    def forward(self, x: Tensor) -> Tensor:
        """(B, I, H, W) -> (B, O, H, W)."""
        return self.conv2(self.conv1(x) + x)  # type: ignore[no-any-return]


class Head(nn.Module):
    """The maps that are read (block C)."""

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__()
        self.conv1 = _layer(channels_in, channels_in, dilation=5)
        self.conv2 = _layer(channels_in, channels_in)
        self.conv3 = nn.Conv2d(channels_in, channels_out, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(B, I, H, W) -> (B, O, H, W)."""
        return self.conv3(self.conv2(self.conv1(x)))  # type: ignore[no-any-return]


class MLSD(nn.Module):
    """RGB and a fourth channel of ones (B, 4, H, W), all divided by 127.5, less 1 -> maps (B, 9, H/2, W/2).

    Map 0 is the centre's logit, 1 to 4 the ends: x and y of the start and of the end, from the centre, in map pixels.
    """

    def __init__(self, is_tiny: bool = False) -> None:
        super().__init__()
        self.is_tiny = is_tiny
        self.backbone = Backbone(STAGES[:4] if is_tiny else STAGES)
        first, joins = (12, TINY) if is_tiny else (15, LARGE)
        self.joins = range(first, first + 2 * len(joins), 2)
        for number, (fine, coarse, channels, doubles) in zip(self.joins, joins, strict=True):
            self.add_module(f"block{number}", Join(fine, coarse, channels, doubles))
            self.add_module(f"block{number + 1}", Refine(2 * channels, 64))
        self.head = f"block{self.joins.stop}"
        self.add_module(self.head, Head(64, 16))

    def forward(self, image: Tensor) -> Tensor:
        """The last nine of sixteen maps; the first seven served the training alone."""
        *finer, x = self.backbone(image)
        for number, fine in zip(self.joins, reversed(finer[-len(self.joins) :]), strict=True):
            x = self.get_submodule(f"block{number}")(fine, x)
            x = self.get_submodule(f"block{number + 1}")(x)
        maps: Tensor = self.get_submodule(self.head)(x)[:, 7:]
        if self.is_tiny:
            maps = F.interpolate(maps, scale_factor=2.0, mode="bilinear", align_corners=True)
        return maps


def read_segments(maps: Tensor, value: float, distance: float) -> Tensor:
    """Maps (1, 9, h, w) -> segments (N, 4), each x0 y0 x1 y1 in map pixels, the surest first.

    value: least certainty of a centre, 0..1; distance: least length, in map pixels. A centre is the best of the 3x3
    places around it, and the best TOP are read.
    """
    certainty = torch.sigmoid(maps[:, :1])
    peaks = certainty * (certainty == F.max_pool2d(certainty, 3, stride=1, padding=1))
    scores, places = peaks.flatten().topk(min(TOP, peaks.numel()))
    width = maps.shape[3]
    centres = torch.stack((places % width, places // width), 1)
    ends = maps[0, 1:5].flatten(1).T[places]
    lengths = (ends[:, :2] - ends[:, 2:]).norm(dim=1)
    return (centres.repeat(1, 2) + ends)[(scores > value) & (lengths > distance)]


def build(tensors: Mapping[str, Tensor]) -> MLSD:
    """Tiny or large, whichever the file holds."""
    return MLSD(is_tiny="block12.conv1.0.weight" in tensors)
