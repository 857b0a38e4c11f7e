"""The fidelity to conditions that the judge reads as maps or joints: segmentation, depth, normal, pose.

H, W pixels.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zeroconv.evaluation.held_out import HeldOut
from zeroconv.evaluation.judge import Judge
from zeroconv.evaluation.measured import Asked, Fidelity, rendered
from zeroconv.perception.detectors import stretched
from zeroconv.scenes import CLASSES, KINDS, Scene
from zeroconv.scenes.truth import condition_images

NEAR = 0.1
"""Of the figure's height: how far from its place a joint may be found (PCK@0.1)."""

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
        asked=lambda held_out: [
            Asked(image, classes)
            for drawn, scenes in rendered(held_out)
            for image, classes in zip(
                condition_images("segmentation", drawn, scenes), drawn.classes.cpu().numpy(), strict=True
            )
        ],
        found=judge.classes,
        score=object_miou,
    )


def depth(judge: Judge) -> Fidelity:
    """The judge's nearness, stretched like the condition, against the condition."""
    return Fidelity(
        metric="error of the depth image on objects and floor: mean absolute difference, 0 to 1, mean over pictures",
        extractor={"condition": "depth", "by": "the judge"},
        asked=_asked_depths,
        found=lambda pictures: [stretched(nearness) for nearness in judge.nearness(pictures)],
        score=lambda found, truth: float(np.abs(found - truth.values)[truth.is_solid].mean()),
        is_error=True,
    )


def normal(judge: Judge) -> Fidelity:
    """The judge's normals against the true ones."""
    return Fidelity(
        metric="error of the normals on objects and floor: mean angle in degrees, mean over pictures",
        extractor={"condition": "normal", "by": "the judge"},
        asked=_asked_normals,
        found=judge.normals,
        score=_mean_angle,
        is_error=True,
    )


def pose(judge: Judge) -> Fidelity:
    """The judge's joints against the true ones, of scenes with one person."""
    return Fidelity(
        metric=f"PCK@{NEAR:g}: share of a person's joints found within {NEAR:g} of its height, mean over pictures",
        extractor={"condition": "pose", "by": "the judge"},
        asked=_asked_joints,
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
    shares = []
    for kind in _OBJECTS:
        one, two = found == kind, asked == kind
        if one.mean() >= SPECK or two.any():
            shares.append(float((one & two).sum() / (one | two).sum()))
    return float(np.mean(shares)) if shares else 1.0


def joints_found(found: NDArray[np.float32], asked: NDArray[np.float32]) -> float:
    """Joints (18, 3), x, y in pixels and visibility: the share of those in view that were found in place; none: 1."""
    is_there = asked[:, 2] == 2
    if not is_there.any():
        return 1.0
    given = asked[asked[:, 2] > 0]
    height = float(given[:, 1].max() - given[:, 1].min())
    distance = np.hypot(*(found - asked)[:, :2].T)
    return float(((distance <= NEAR * height) & (found[:, 2] > 0))[is_there].mean())


def _asked_depths(held_out: HeldOut) -> list[Asked]:
    asked = []
    for drawn, scenes in rendered(held_out):
        images = condition_images("depth", drawn, scenes)
        for image, classes in zip(images, drawn.classes.cpu().numpy(), strict=True):
            asked.append(Asked(image, _Surface(image[..., 0].astype(np.float32) / 255, np.isin(classes, _SOLID))))
    return asked


def _asked_normals(held_out: HeldOut) -> list[Asked]:
    asked = []
    for drawn, scenes in rendered(held_out):
        images = condition_images("normal", drawn, scenes)
        layers = zip(images, drawn.normal.cpu().numpy(), drawn.classes.cpu().numpy(), strict=True)
        for image, directions, classes in layers:
            asked.append(Asked(image, _Surface(directions.astype(np.float32), np.isin(classes, _SOLID))))
    return asked


def _asked_joints(held_out: HeldOut) -> list[Asked]:
    asked = []
    for drawn, scenes in rendered(held_out):
        for image, persons in zip(condition_images("pose", drawn, scenes), drawn.keypoints, strict=True):
            asked.append(Asked(image, persons[0].cpu().numpy() if persons else np.zeros((18, 3), np.float32)))
    return asked


def _mean_angle(found: NDArray[np.float32], truth: _Surface) -> float:
    cosine = (found * truth.values).sum(-1)[truth.is_solid]
    return float(np.degrees(np.arccos(cosine.clip(-1, 1))).mean())
