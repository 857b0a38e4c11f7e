"""The perception network: a small U-shaped convolutional network with one head for each thing it reads.

Letters: B pictures, H W picture size in pixels, both multiples of 16; F features.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, pixel_shuffle

from zeroconv.scenes.vocabulary import CLASSES, COLOURS, KINDS

NUM_KEYPOINTS = 18
UNCLEAR = len(KINDS)
"""The kind of an object that is none of KINDS, or cannot be told."""

_DENSE = (len(CLASSES), 1, 3, 1)  # classes, nearness, normal, soft edges
_OBJECTS = (1, len(KINDS) + 1, len(COLOURS))  # centres, kinds, colours


@dataclass(frozen=True)
class Perception:
    """All that the network reads from a batch of pictures."""

    classes: Tensor  # (B, 12, H, W) logits over scenes.CLASSES
    nearness: Tensor  # (B, 1, H, W) inverse depth in 1/metre, 0 for the sky
    normal: Tensor  # (B, 3, H, W) camera space: x right, y up, z towards the viewer; length about 1, 0 for the sky
    soft_edges: Tensor  # (B, 1, H, W) logits
    keypoints: Tensor  # (B, 18, H / 2, W / 2) logits, OpenPose order: high where the keypoint lies
    centres: Tensor  # (B, 1, H / 4, W / 4) logits: high in the middle of each object
    kinds: Tensor  # (B, 10, H / 4, W / 4) logits over scenes.KINDS and UNCLEAR, to be read at centres
    colours: Tensor  # (B, 10, H / 4, W / 4) logits over scenes.COLOURS, to be read at centres
    features: Tensor  # (B, F) mean activations of the deepest levels, for Frechet distances


class PerceptionNetwork(nn.Module):
    """Pictures (B, 3, H, W) in [-1, 1] -> Perception. `widths` are the channels at 1/2, 1/4, 1/8 and 1/16."""

    def __init__(self, widths: Sequence[int] = (24, 48, 96, 128)) -> None:
        super().__init__()
        half, quarter, eighth, deep = widths
        self.widths = tuple(widths)
        self.stem = _convolution(3, half, stride=2)
        self.quarter = nn.Sequential(_convolution(half, quarter, stride=2), _Block(quarter))
        self.eighth = nn.Sequential(_convolution(quarter, eighth, stride=2), _Block(eighth), _Block(eighth))
        self.deep = nn.Sequential(_convolution(eighth, deep, stride=2), _Block(deep))
        self.to_eighth = _convolution(deep + eighth, eighth)
        self.to_quarter = _convolution(eighth + quarter, quarter)
        self.to_half = nn.Sequential(_convolution(quarter + half, quarter), _Block(quarter))
        self.objects = nn.Sequential(_convolution(quarter, quarter), nn.Conv2d(quarter, sum(_OBJECTS), 1))
        self.keypoints = nn.Conv2d(quarter, NUM_KEYPOINTS, 1)
        self.dense = nn.Conv2d(quarter, 4 * sum(_DENSE), 1)

    def forward(self, pictures: Tensor) -> Perception:
        """Read a batch of pictures; ValueError where their size is not a multiple of 16."""
        if pictures.shape[2] % 16 or pictures.shape[3] % 16:
            raise ValueError(f"pictures of a multiple of 16 pixels expected, got {tuple(pictures.shape[2:])}")
        half = self.stem(pictures)
        quarter = self.quarter(half)
        eighth = self.eighth(quarter)
        deep = self.deep(eighth)
        features = torch.cat([eighth.mean((2, 3)), deep.mean((2, 3))], 1)
        eighth = self.to_eighth(torch.cat([_twice(deep), eighth], 1))
        quarter = self.to_quarter(torch.cat([_twice(eighth), quarter], 1))
        half = self.to_half(torch.cat([_twice(quarter), half], 1))
        classes, nearness, normal, soft_edges = torch.split(pixel_shuffle(self.dense(half), 2), list(_DENSE), 1)
        centres, kinds, colours = torch.split(self.objects(quarter), list(_OBJECTS), 1)
        joints = self.keypoints(half)
        return Perception(classes, nearness, normal, soft_edges, joints, centres, kinds, colours, features)


class _Block(nn.Module):
    """Two convolutions with a shortcut."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = _convolution(channels, channels)
        self.second = nn.Sequential(nn.Conv2d(channels, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels))

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(x + self.second(self.first(x)))


def _convolution(channels: int, width: int, stride: int = 1) -> nn.Sequential:
    convolution = nn.Conv2d(channels, width, 3, stride, 1, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(width), nn.ReLU(inplace=True))


def _twice(x: Tensor) -> Tensor:
    return interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)
