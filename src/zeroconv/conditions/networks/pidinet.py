"""PiDiNet, pixel difference networks for edge detection (arXiv:2108.07009), in the layout of table5_pidinet.pth.

A pixel difference convolution weighs differences of neighbours instead of their values; each kind is a plain
convolution with a kernel derived from the stored one (section 3.1). The released soft edge ControlNets were trained
with BGR in 0..1, without the colour normalisation of the paper.
Letters: B pictures, H W height and width in pixels, C width of the first stage, D width of the dilated branch.
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F

KINDS = ("central", "angular", "radial", "plain")
"""The differences of layers 0, 1, 2, 3 and again: architecture carv4, for all sizes."""

CLOCKWISE = (3, 0, 1, 6, 4, 2, 7, 8, 5)
"""For each place of a 3x3 kernel, row by row, its neighbour one step round the centre; the centre is its own."""

INNER_RING, OUTER_RING = (6, 7, 8, 11, 13, 16, 17, 18), (0, 2, 4, 10, 14, 20, 22, 24)
"""Places of a 5x5 kernel: the 8 neighbours, and what lies beyond each at twice the distance."""


def difference_kernel(weight: Tensor, kind: str) -> Tensor:
    """Stored (O, I, 3, 3) -> the kernel of the plain convolution: (O, I, 3, 3), or (O, I, 5, 5) for radial."""
    flat = weight.flatten(2)
    if kind == "central":
        flat = torch.cat([flat[..., :4], flat[..., 4:5] - flat.sum(-1, keepdim=True), flat[..., 5:]], -1)
    elif kind == "angular":
        flat = flat - flat[..., list(CLOCKWISE)]
    elif kind == "radial":
        # place 0 of the stored kernel is not used: the other 8 lie on the rings
        wide = flat.new_zeros(*flat.shape[:2], 25)
        wide[..., list(OUTER_RING)] = flat[..., 1:]
        wide[..., list(INNER_RING)] = -flat[..., 1:]
        return wide.reshape(*weight.shape[:2], 5, 5)
    return flat.reshape(weight.shape)


class DifferenceConvolution(nn.Module):
    """A convolution of pixel differences that keeps height and width."""

    def __init__(self, kind: str, channels_in: int, channels_out: int, groups: int = 1) -> None:
        super().__init__()
        self.kind, self.groups = kind, groups
        self.weight = nn.Parameter(torch.empty(channels_out, channels_in // groups, 3, 3))
        nn.init.kaiming_uniform_(self.weight, a=5**0.5)

    def forward(self, x: Tensor) -> Tensor:
        """(B, I, H, W) -> (B, O, H, W)."""
        kernel = difference_kernel(self.weight, self.kind)
        return F.conv2d(x, kernel, padding=kernel.shape[-1] // 2, groups=self.groups)


class Block(nn.Module):
    """Depthwise differences and a 1x1 convolution beside a shortcut; the first of a later stage halves the size."""

    def __init__(self, kind: str, channels_in: int, channels_out: int, halves: bool) -> None:
        super().__init__()
        self.halves = halves
        if halves:
            self.shortcut = nn.Conv2d(channels_in, channels_out, 1)
        self.conv1 = DifferenceConvolution(kind, channels_in, channels_in, groups=channels_in)
        self.conv2 = nn.Conv2d(channels_in, channels_out, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """(B, I, H, W) -> (B, O, H, W), or half of H and W."""
        if self.halves:
            x = F.max_pool2d(x, 2)
        y: Tensor = self.conv2(F.relu(self.conv1(x)))
        y += self.shortcut(x) if self.halves else x
        return y


class DilatedConvolutions(nn.Module):
    """Four dilations side by side, summed (CDCM, section 3.2)."""

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels_in, channels_out, 1)
        for number, dilation in enumerate((5, 7, 9, 11), 1):
            layer = nn.Conv2d(channels_out, channels_out, 3, padding=dilation, dilation=dilation, bias=False)
            self.add_module(f"conv2_{number}", layer)

    def forward(self, x: Tensor) -> Tensor:
        """(B, I, H, W) -> (B, D, H, W)."""
        x = self.conv1(F.relu(x))
        return torch.stack([self.get_submodule(f"conv2_{number}")(x) for number in range(1, 5)]).sum(0)


class SpatialAttention(nn.Module):
    """Weighs every place by a factor in 0..1 (CSAM, section 3.2)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, 4, 1)
        self.conv2 = nn.Conv2d(4, 1, 3, padding=1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """(B, D, H, W) -> (B, D, H, W)."""
        return x * torch.sigmoid(self.conv2(self.conv1(F.relu(x))))


class EdgeMap(nn.Module):
    """Features to one edge map; a module of its own because the files name it so."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(B, D, H, W) -> (B, 1, H, W)."""
        return self.conv(x)  # type: ignore[no-any-return]


class PiDiNet(nn.Module):
    """BGR (B, 3, H, W) in 0..1 -> soft edges (B, 1, H, W) in 0..1."""

    def __init__(self, width: int = 60, dilated_width: int = 24) -> None:
        super().__init__()
        widths = (width, 2 * width, 4 * width, 4 * width)
        self.init_block = DifferenceConvolution(KINDS[0], 3, width)
        self.stages: list[list[str]] = []
        layer, before = 1, width
        for stage, wide in enumerate(widths, 1):
            names = [f"block{stage}_{number}" for number in range(1, 4 if stage == 1 else 5)]
            for number, name in enumerate(names):
                self.add_module(name, Block(KINDS[layer % 4], before, wide, halves=stage > 1 and number == 0))
                layer, before = layer + 1, wide
            self.stages.append(names)
        self.dilations = nn.ModuleList(DilatedConvolutions(wide, dilated_width) for wide in widths)
        self.attentions = nn.ModuleList(SpatialAttention(dilated_width) for _ in widths)
        self.conv_reduces = nn.ModuleList(EdgeMap(dilated_width) for _ in widths)
        self.classifier = nn.Conv2d(4, 1, 1)

    def forward(self, image: Tensor) -> Tensor:
        """Four stages, an edge map from each, and their learned mean."""
        x = self.init_block(image)
        edges = []
        sides = zip(self.stages, self.dilations, self.attentions, self.conv_reduces, strict=True)
        for names, dilated, attention, edge_map in sides:
            for name in names:
                x = self.get_submodule(name)(x)
            edge = edge_map(attention(dilated(x)))
            edges.append(F.interpolate(edge, image.shape[2:], mode="bilinear", align_corners=False))
        return torch.sigmoid(self.classifier(torch.cat(edges, 1)))


def build(tensors: Mapping[str, Tensor]) -> PiDiNet:
    """As wide as the tensors of the file; the published width where it is not told."""
    first, dilated = tensors.get("init_block.weight"), tensors.get("dilations.0.conv1.weight")
    return PiDiNet(60 if first is None else first.shape[0], 24 if dilated is None else dilated.shape[0])
