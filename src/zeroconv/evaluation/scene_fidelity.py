"""The fidelity to conditions that the judge reads as maps or joints: segmentation, depth, normal, pose.

H, W pixels.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zeroconv.evaluation.judge import Judge
from zeroconv.evaluation.measured import Fidelity, asked_by
from zeroconv.evaluation.people import NEAR, in_place
from zeroconv.evaluation.regions import mean_iou
from zeroconv.evaluation.surfaces import mean_angle
from zeroconv.perception.detectors import stretched
from zeroconv.scenes import CLASSES, KINDS, Render, Scene
from zeroconv.scenes.truth import Pictures

SPECK = 0.002
"""Share of a picture: a class that was not asked for and is found on less is noise of the judge, not an object."""

_OBJECTS = [CLASSES.index(kind) for kind in KINDS]
_SOLID = [CLASSES.index("ground"), *_OBJECTS]


@dataclass(frozen=True)
class _Surface:
    """A value a pixel, to be compared on objects and floor."""

    values: NDArray[np.float32]
    """(H, W) or (H, W, 3)."""
    is_solid: NDArray[np.bool_]
    """(H, W): part of an object or of the floor."""


def segmentation(judge: Judge) -> Fidelity:
    """The judge's classes against the true ones."""
    return Fidelity(
        metric="object-class mIoU: mean over the object classes asked for, or found on "
        f"{SPECK:.1%} of the picture or more, then over pictures",
        extractor={"condition": "segmentation", "by": "the judge"},
        asked=lambda held_out: asked_by("segmentation", held_out, lambda drawn, *_: drawn.classes.cpu().numpy()),
        found=judge.classes,
        score=object_miou,
    )


def depth(judge: Judge) -> Fidelity:
    """The judge's nearness, stretched like the condition, against the condition."""
    return Fidelity(
        metric="error of the depth image on objects and floor: mean absolute difference, 0 to 1, mean over pictures",
        extractor={"condition": "depth", "by": "the judge"},
        asked=lambda held_out: asked_by("depth", held_out, _depths),
        found=lambda pictures: [stretched(nearness) for nearness in judge.nearness(pictures)],
        score=lambda found, truth: float(np.abs(found - truth.values)[truth.is_solid].mean()),
        is_error=True,
    )


def normal(judge: Judge) -> Fidelity:
    """The judge's normals against the true ones."""
    return Fidelity(
        metric="error of the normals on objects and floor: mean angle in degrees, mean over pictures",
        extractor={"condition": "normal", "by": "the judge"},
        asked=lambda held_out: asked_by("normal", held_out, _normals),
        found=judge.normals,
        score=lambda found, truth: mean_angle(found[truth.is_solid], truth.values[truth.is_solid]),
        is_error=True,
    )


def pose(judge: Judge) -> Fidelity:
    """The judge's joints against the true ones, of scenes with one person."""
    return Fidelity(
        metric=f"PCK@{NEAR:g}: share of a person's joints found within {NEAR:g} of its height, mean over pictures",
        extractor={"condition": "pose", "by": "the judge"},
        asked=lambda held_out: asked_by("pose", held_out, _joints),
        found=judge.keypoints,
        score=joints_found,
        selects=has_person,
    )


def has_person(scene: Scene) -> bool:
    """Whether there is exactly one person."""
    return [thing.kind for thing in scene.objects].count("person") == 1


def object_miou(found: NDArray[np.integer[Any]], asked: NDArray[np.integer[Any]]) -> float:
    """Mean intersection over union of the object classes in either of two class maps (H, W); none in both: 1.

    Specks of a class that was not asked for do not count as found.
    """
    counted = [kind for kind in _OBJECTS if (found == kind).mean() >= SPECK or (asked == kind).any()]
    return mean_iou(found, asked, counted)


def joints_found(found: NDArray[np.float32], asked: NDArray[np.float32]) -> float:
    """Joints (18, 3), x, y in pixels and visibility: the share of those in view that were found in place; none: 1."""
    is_there = asked[:, 2] == 2
    if not is_there.any():
        return 1.0
    given = asked[asked[:, 2] > 0]
    height = float(given[:, 1].max() - given[:, 1].min())
    return float(in_place(found, asked, NEAR * height)[is_there].mean())


def _depths(drawn: Render, scenes: Sequence[Scene], images: Pictures) -> list[_Surface]:
    return _surfaces(np.asarray(images[..., 0] / 255, np.float32), drawn)


def _normals(drawn: Render, scenes: Sequence[Scene], images: Pictures) -> list[_Surface]:
    return _surfaces(drawn.normal.cpu().numpy(), drawn)


def _surfaces(values: NDArray[np.float32], drawn: Render) -> list[_Surface]:
    return [_Surface(*pair) for pair in zip(values, np.isin(drawn.classes.cpu().numpy(), _SOLID), strict=True)]


def _joints(drawn: Render, scenes: Sequence[Scene], images: Pictures) -> list[NDArray[np.float32]]:
    return [persons[0].cpu().numpy() if persons else np.zeros((18, 3), np.float32) for persons in drawn.keypoints]
