"""Where a picture's surfaces end: outlines, folds and steps, from exact depth, normals and instance masks.

Letters: B scenes, H W picture size. Every map is bool (B, H, W), one pixel wide, on the nearer of the two surfaces.
"""

import math
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from zeroconv.scenes.renderer import Render

Map = NDArray[np.bool_]
Values = NDArray[Any]

FOLD = math.cos(math.radians(30))
"""Cosine between neighbouring normals below which a surface has a fold."""

STEP = 0.006
"""Jump of the inverse depth, as a share of it, that is a step: 2 cm at 3 m (a door stands out 3 cm)."""


SPECK = 4  # pixels


@dataclass(frozen=True)
class Outlines:
    """Three kinds of lines that somebody who draws the scene would draw."""

    silhouettes: Map  # one object ends and another, or the background, begins
    folds: Map  # the direction of a surface changes suddenly: a cube's edges, the foot of a wall
    steps: Map  # the depth jumps within one object: an arm before the body, a door


def find_outlines(render: Render) -> Outlines:
    """The lines of each picture of a batch. Horizons have none: the haze blends ground and sky."""
    instances, depth, normal = (t.cpu().numpy() for t in (render.instances, render.depth, render.normal))
    nearness = 1.0 / depth  # 0 for the sky
    found = Outlines(*(np.zeros(instances.shape, np.bool_) for _ in range(3)))
    for axis in (1, 2):  # neighbours below, neighbours to the right
        lines = (np.moveaxis(lines, axis, 1) for lines in (found.silhouettes, found.folds, found.steps))
        _mark(Outlines(*lines), *(np.moveaxis(values, axis, 1) for values in (instances, nearness, normal)))
    return Outlines(found.silhouettes, _without_specks(found.folds), _without_specks(found.steps))


def _mark(found: Outlines, instances: Values, nearness: Values, normal: Values) -> None:
    """Add the lines between neighbours along axis 1."""
    is_first_nearer = nearness[:, :-1] >= nearness[:, 1:]
    ends = instances[:, :-1] != instances[:, 1:]
    _mark_nearer(found.silhouettes, ends, is_first_nearer)
    turn = 1.0 - (normal[:, :-1] * normal[:, 1:]).sum(-1)
    is_solid = (nearness[:, :-1] > 0) & (nearness[:, 1:] > 0) & (np.abs(normal[:, :-1]).sum(-1) > 0)
    is_solid &= np.abs(normal[:, 1:]).sum(-1) > 0
    _mark_nearer(found.folds, ~ends & is_solid & (turn > 1.0 - FOLD) & _stands_out(turn, ends), is_first_nearer)
    jump = np.abs(np.diff(nearness, axis=1))
    jump /= np.maximum(np.maximum(nearness[:, :-1], nearness[:, 1:]), 1e-6)
    _mark_nearer(found.steps, ~ends & is_solid & (jump > STEP) & _stands_out(jump, ends), is_first_nearer)


def _stands_out(change: Values, ends: Map) -> Map:
    """Changes at least three times those on both sides: smooth surfaces turn away gradually, however fast.

    Changes across the end of an object say nothing about its surface, so they do not count as a neighbour's.
    """
    own = np.where(ends, 0.0, change)
    padded = np.pad(own, [(0, 0), (1, 1), *([(0, 0)] * (change.ndim - 2))], mode="edge")
    padded[:, 0], padded[:, -1] = 0, 0
    return np.asarray(change > 3.0 * np.maximum(padded[:, :-2], padded[:, 2:]), np.bool_)


def _mark_nearer(lines: Map, where: Map, is_first_nearer: Map) -> None:
    lines[:, :-1] |= where & is_first_nearer
    lines[:, 1:] |= where & ~is_first_nearer


def _without_specks(lines: Map) -> Map:
    """The lines less their pieces of fewer than SPECK pixels, which stand where two round surfaces just touch."""
    kept = np.zeros_like(lines)
    for clean, picture in zip(kept, lines, strict=True):
        _, labels, statistics, _ = cv2.connectedComponentsWithStats(picture.astype(np.uint8), connectivity=8)
        is_long = statistics[:, cv2.CC_STAT_AREA] >= SPECK
        clean[:] = picture & is_long[labels]
    return kept
