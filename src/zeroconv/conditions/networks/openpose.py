"""OpenPose's networks for bodies, hands and faces (arXiv:1611.08050, arXiv:1704.07809), in their published layouts.

body_pose_model.pth, hand_pose_model.pth and facenet.pth: a VGG trunk looks at the picture once, then each of six
stages corrects what the one before said, with the trunk's features beside it.
Letters: B pictures, H W height and width in pixels (multiples of 8), K maps.
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

Layers = tuple[tuple[str, int, int], ...]
"""Convolutions in order: name in the file, channels out, kernel."""

STRIDE = 8
"""Pixels of the picture to one of a map."""

FIELDS, CONFIDENCES = 38, 19
"""Maps of the body: x and y of 19 affinity fields; 18 keypoints and the background."""

HAND, FACE = 22, 71
"""Maps of a hand's 21 and a face's 70 keypoints, and of the background."""

VGG: Layers = (
    ("conv1_1", 64, 3), ("conv1_2", 64, 3),
    ("conv2_1", 128, 3), ("conv2_2", 128, 3),
    ("conv3_1", 256, 3), ("conv3_2", 256, 3), ("conv3_3", 256, 3), ("conv3_4", 256, 3),
    ("conv4_1", 512, 3), ("conv4_2", 512, 3),
)  # fmt: skip
BODY_TRUNK: Layers = (*VGG, ("conv4_3_CPM", 256, 3), ("conv4_4_CPM", 128, 3))
PART_TRUNK: Layers = (
    *VGG, ("conv4_3", 512, 3), ("conv4_4", 512, 3),
    ("conv5_1", 512, 3), ("conv5_2", 512, 3), ("conv5_3_CPM", 128, 3),
)  # fmt: skip

HALVED_BEFORE = ("conv2_1", "conv3_1", "conv4_1")


def _refinement(stage: str, maps: int) -> Layers:
    """The seven convolutions of a stage after the first: five wide ones, two of single pixels."""
    return tuple((f"Mconv{n}_{stage}", maps if n == 7 else 128, 1 if n > 5 else 7) for n in range(1, 8))


def _body_stages() -> list[list[Layers]]:
    branches = (("L1", FIELDS), ("L2", CONFIDENCES))
    sizes = ((128, 3), (128, 3), (128, 3), (512, 1))
    first: list[Layers] = [
        (*((f"conv5_{n}_CPM_{name}", *size) for n, size in enumerate(sizes, 1)), (f"conv5_5_CPM_{name}", maps, 1))
        for name, maps in branches
    ]
    return [first, *([_refinement(f"stage{n}_{name}", maps) for name, maps in branches] for n in range(2, 7))]


def _part_stages(maps: int) -> list[list[Layers]]:
    first: Layers = (("conv6_1_CPM", 512, 1), ("conv6_2_CPM", maps, 1))
    return [[first], *([_refinement(f"stage{n}", maps)] for n in range(2, 7))]


class Cascade(nn.Module):
    """BGR (B, 3, H, W) in -0.5..0.5 -> maps (B, K, H/8, W/8) of the last stage."""

    def __init__(self, trunk: Layers, stages: Sequence[Sequence[Layers]]) -> None:
        super().__init__()
        features = self._add(trunk, 3)
        channels = features
        for branches in stages:
            channels = features + sum([self._add(layers, channels) for layers in branches])
        self.trunk, self.stages = trunk, stages

    def forward(self, image: Tensor) -> Tensor:
        """Every stage sees what the one before said, branch after branch, and the features."""
        features = image
        for name, _, _ in self.trunk:
            features = F.max_pool2d(features, 2) if name in HALVED_BEFORE else features
            features = F.relu(self.get_submodule(name)(features))
        seen = features
        for branches in self.stages:
            said = torch.cat([self._branch(layers, seen) for layers in branches], 1)
            seen = torch.cat((said, features), 1)
        return said

    def _add(self, layers: Layers, channels: int) -> int:
        for name, wide, kernel in layers:
            self.add_module(name, nn.Conv2d(channels, wide, kernel, padding=kernel // 2))
            channels = wide
        return channels

    def _branch(self, layers: Layers, x: Tensor) -> Tensor:
        """ReLU after every convolution but the last."""
        *inner, (last, _, _) = layers
        for name, _, _ in inner:
            x = F.relu(self.get_submodule(name)(x))
        return self.get_submodule(last)(x)  # type: ignore[no-any-return]


class Body(Cascade):
    """BGR (B, 3, H, W) in -0.5..0.5 -> (B, 57, H/8, W/8): 38 maps of affinity fields, then 19 of confidences."""

    def __init__(self) -> None:
        super().__init__(BODY_TRUNK, _body_stages())

    def forward(self, image: Tensor) -> Tensor:
        """The last confidences are rectified, as in the annotator the pose ControlNets were trained with."""
        said = super().forward(image)
        return torch.cat((said[:, :FIELDS], F.relu(said[:, FIELDS:])), 1)


def build_body(tensors: Mapping[str, Tensor]) -> Body:
    """The one size there is."""
    return Body()


def build_hand(tensors: Mapping[str, Tensor]) -> Cascade:
    """The one size there is: maps (B, 22, H/8, W/8)."""
    return Cascade(PART_TRUNK, _part_stages(HAND))


def build_face(tensors: Mapping[str, Tensor]) -> Cascade:
    """The one size there is: maps (B, 71, H/8, W/8)."""
    return Cascade(PART_TRUNK, _part_stages(FACE))
