"""The Inception network of the Frechet Inception distance, in the layout of the file that everybody measures with.

Inception-v3 (Szegedy et al., arXiv 1512.00567) as TensorFlow's graph of 2015-12-05 has it, with which the distance was
defined (Heusel et al., arXiv 1706.08500). It differs from other Inceptions in two ways: average pooling leaves out
what padding adds, and the last block pools by maxima. Modules have torchvision's names, as the keys of the file do.

B pictures; C channels and h w height and width of activations.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, max_pool2d

SIDE = 299
"""Height and width of the pictures that it reads."""

WIDE, TALL = (1, 7), (7, 1)


class Step(NamedTuple):
    """One convolution of a branch."""

    channels: int
    kernel: int | tuple[int, int] = 1
    stride: int = 1


Branches = Mapping[str, Sequence[Step | tuple[Step, Step]]]
"""Name -> its steps one after another; two in one place read the same activations, and their results are joined."""


class FidInception(nn.Module):
    """Pictures (B, 3, 299, 299) in [-1, 1] -> features (B, 2048): the means of the last activations."""

    def __init__(self) -> None:
        super().__init__()
        self.Conv2d_1a_3x3 = Convolution(3, Step(32, 3, stride=2), padding=0)
        self.Conv2d_2a_3x3 = Convolution(32, Step(32, 3), padding=0)
        self.Conv2d_2b_3x3 = Convolution(32, Step(64, 3))
        self.Conv2d_3b_1x1 = Convolution(64, Step(80))
        self.Conv2d_4a_3x3 = Convolution(80, Step(192, 3), padding=0)
        self.Mixed_5b = Mixed(192, _fifth(), pooled=32)
        self.Mixed_5c = Mixed(256, _fifth(), pooled=64)
        self.Mixed_5d = Mixed(288, _fifth(), pooled=64)
        self.Mixed_6a = Reduction(
            288, {"branch3x3": [Step(384, 3, 2)], "branch3x3dbl": [Step(64), Step(96, 3), Step(96, 3, 2)]}
        )
        self.Mixed_6b = Mixed(768, _sixth(128), pooled=192)
        self.Mixed_6c = Mixed(768, _sixth(160), pooled=192)
        self.Mixed_6d = Mixed(768, _sixth(160), pooled=192)
        self.Mixed_6e = Mixed(768, _sixth(192), pooled=192)
        self.Mixed_7a = Reduction(
            768,
            {
                "branch3x3": [Step(192), Step(320, 3, 2)],
                "branch7x7x3": [Step(192), Step(192, WIDE), Step(192, TALL), Step(192, 3, 2)],
            },
        )
        self.Mixed_7b = Mixed(1280, _seventh(), pooled=192)
        self.Mixed_7c = Mixed(2048, _seventh(), pooled=192, pools_maxima=True)

    def forward(self, pictures: Tensor) -> Tensor:
        x = self.Conv2d_2b_3x3(self.Conv2d_2a_3x3(self.Conv2d_1a_3x3(pictures)))
        x = self.Conv2d_4a_3x3(self.Conv2d_3b_1x1(max_pool2d(x, 3, 2)))
        x = self.Mixed_5d(self.Mixed_5c(self.Mixed_5b(max_pool2d(x, 3, 2))))
        x = self.Mixed_6e(self.Mixed_6d(self.Mixed_6c(self.Mixed_6b(self.Mixed_6a(x)))))
        x = self.Mixed_7c(self.Mixed_7b(self.Mixed_7a(x)))
        return torch.as_tensor(x.mean((2, 3)))


class Convolution(nn.Module):
    """Convolution, batch normalisation, ReLU; padding as given, else such that stride 1 keeps the size."""

    def __init__(self, channels: int, step: Step, padding: int | None = None) -> None:
        super().__init__()
        height, width = step.kernel if isinstance(step.kernel, tuple) else (step.kernel, step.kernel)
        around = (height // 2, width // 2) if padding is None else padding
        self.conv = nn.Conv2d(channels, step.channels, step.kernel, step.stride, around, bias=False)
        self.bn = nn.BatchNorm2d(step.channels, eps=0.001)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.bn(self.conv(x)))


class Mixed(nn.Module):
    """Branches that read the same activations (B, C, h, w), and a pooled one, joined along the channels."""

    def __init__(self, channels: int, branches: Branches, *, pooled: int, pools_maxima: bool = False) -> None:
        super().__init__()
        self.branches = _add_branches(self, channels, branches)
        self.branch_pool = Convolution(channels, Step(pooled))
        self.pools_maxima = pools_maxima

    def forward(self, x: Tensor) -> Tensor:
        if self.pools_maxima:
            pooled = max_pool2d(x, 3, 1, padding=1)
        else:
            pooled = avg_pool2d(x, 3, 1, padding=1, count_include_pad=False)
        return torch.cat([*_run(self, self.branches, x), self.branch_pool(pooled)], 1)


class Reduction(nn.Module):
    """Branches that halve height and width, and the activations' maxima, joined along the channels."""

    def __init__(self, channels: int, branches: Branches) -> None:
        super().__init__()
        self.branches = _add_branches(self, channels, branches)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([*_run(self, self.branches, x), max_pool2d(x, 3, 2)], 1)


def _fifth() -> Branches:
    return {
        "branch1x1": [Step(64)],
        "branch5x5": [Step(48), Step(64, 5)],
        "branch3x3dbl": [Step(64), Step(96, 3), Step(96, 3)],
    }


def _sixth(channels: int) -> Branches:
    wide, tall = Step(channels, WIDE), Step(channels, TALL)
    return {
        "branch1x1": [Step(192)],
        "branch7x7": [Step(channels), wide, Step(192, TALL)],
        "branch7x7dbl": [Step(channels), tall, wide, tall, Step(192, WIDE)],
    }


def _seventh() -> Branches:
    both = (Step(384, (1, 3)), Step(384, (3, 1)))
    return {
        "branch1x1": [Step(320)],
        "branch3x3": [Step(384), both],
        "branch3x3dbl": [Step(448), Step(384, 3), both],
    }


def _add_branches(block: nn.Module, channels: int, branches: Branches) -> list[list[list[str]]]:
    """Give `block` every convolution under its name in the file -> the names, by branch and step."""
    names = []
    for branch, steps in branches.items():
        names.append(
            [_step_names(branch, number, step, len(steps)) for number, step in enumerate(steps, 1)],
        )
        width = channels
        for step, modules in zip(steps, names[-1], strict=True):
            parallel = (step,) if isinstance(step, Step) else step
            for name, one in zip(modules, parallel, strict=True):
                block.add_module(name, Convolution(width, one, padding=0 if one.stride == 2 else None))
            width = sum(one.channels for one in parallel)
    return names


def _step_names(branch: str, number: int, step: Step | tuple[Step, Step], count: int) -> list[str]:
    place = f"{branch}_{number}" if count > 1 else branch
    return [place] if isinstance(step, Step) else [f"{place}a", f"{place}b"]


def _run(block: nn.Module, branches: Sequence[Sequence[Sequence[str]]], x: Tensor) -> list[Tensor]:
    """What each branch makes of x."""
    found = []
    for steps in branches:
        y = x
        for names in steps:
            y = torch.cat([block.get_submodule(name)(y) for name in names], 1)
        found.append(y)
    return found
