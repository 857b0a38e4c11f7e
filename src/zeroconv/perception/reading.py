"""From the maps of the perception network to words: which objects a picture shows, and where a person's joints are."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import max_pool2d

from zeroconv.perception.network import UNCLEAR, Perception
from zeroconv.scenes.vocabulary import COLOURS, KINDS

CERTAINTY = 0.3
"""Centres less probable than this are no objects, and keypoints less probable than this are not seen."""

_CELL = 4  # pixels of the picture a cell of the object maps stands for
_CLEAR = 0.5  # probability a kind must have, else the object is unclear


@dataclass(frozen=True)
class SeenObject:
    """One object in a picture."""

    kind: str | None  # of scenes.KINDS; None: none of them, or unclear
    colour: str  # of scenes.COLOURS
    x: float  # of its middle, pixels
    y: float
    certainty: float  # 0..1, that there is an object


def seen_objects(perception: Perception) -> list[list[SeenObject]]:
    """The objects of each picture of a batch, from left to right."""
    probability = torch.sigmoid(perception.centres[:, 0])
    is_peak = probability == max_pool2d(probability[:, None], 5, 1, 2)[:, 0]
    kinds, colours = perception.kinds.softmax(1), perception.colours.argmax(1)
    found: list[list[SeenObject]] = [[] for _ in probability]
    for b, row, column in (is_peak & (probability >= CERTAINTY)).nonzero().tolist():
        share, kind = kinds[b, :, row, column].max(0)
        is_clear = int(kind) != UNCLEAR and float(share) >= _CLEAR
        found[b].append(
            SeenObject(
                KINDS[int(kind)] if is_clear else None,
                tuple(COLOURS)[int(colours[b, row, column])],
                (column + 0.5) * _CELL,
                (row + 0.5) * _CELL,
                float(probability[b, row, column]),
            )
        )
    return [sorted(objects, key=lambda thing: thing.x) for objects in found]


def seen_keypoints(perception: Perception) -> list[NDArray[np.float32]]:
    """The keypoints of one person a picture, (18, 3) each: x, y in pixels, then 2 seen or 0 not (OpenPose order)."""
    heat = torch.sigmoid(perception.keypoints)
    batch, count, _, width = heat.shape
    best, place = heat.view(batch, count, -1).max(2)
    x, y = (place % width + 0.5) * 2, (place // width + 0.5) * 2
    seen = torch.where(best >= CERTAINTY, 2.0, 0.0)
    return list(_numpy(torch.stack([x, y, seen], 2)))


def _numpy(values: Tensor) -> NDArray[np.float32]:
    return np.asarray(values.cpu().numpy(), np.float32)
