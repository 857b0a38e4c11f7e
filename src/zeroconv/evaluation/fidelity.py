"""How the agreement of a picture with a condition is measured: what was asked for, what is found, and a score of both.

The condition is found again in a picture by the extractor that made it, or, where none does, by the judge. Classes are
those of the embedded world.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zeroconv import conditions
from zeroconv.errors import UserError, nearest
from zeroconv.evaluation.edges import TOLERANCE, edge_f1
from zeroconv.evaluation.held_out import RENDERED_TOGETHER, HeldOut, Picture, groups
from zeroconv.evaluation.judge import Judge
from zeroconv.scenes import CLASSES, KINDS, PALETTE, render
from zeroconv.scenes.truth import condition_images

CANNY = {"low": 100, "high": 200}
"""The released demos' defaults."""


@dataclass(frozen=True)
class Fidelity:
    """One condition's measure."""

    metric: str
    """What a score is, in words."""
    extractor: Mapping[str, Any]
    """What finds the condition in a picture, as part of the protocol."""
    asked: Callable[[HeldOut], list[Picture]]
    """The condition image (H, W, 3) of each held-out scene."""
    found: Callable[[Sequence[Picture]], list[Picture]]
    """The condition image (H, W, 3) found in each picture."""
    score: Callable[[Picture, Picture], float]
    """(found, asked) -> score, more is better."""


def fidelity_of(condition: str, judge: Judge | None = None) -> Fidelity:
    """How `condition`, by its canonical name, is measured; UserError where it is not yet, or not without a judge."""
    if condition not in MEASURED:
        raise UserError(f"the fidelity to {condition!r} is not measured yet; {nearest(condition, MEASURED)}")
    if condition == "canny":
        return _canny()
    if judge is None:
        raise UserError(f"the fidelity to {condition!r} is read by a perception network; give one with --judge FOLDER")
    return _segmentation(judge)


MEASURED = ("canny", "segmentation")
"""The conditions whose fidelity can be measured."""


def _canny() -> Fidelity:
    extract = conditions.create("canny", **CANNY)

    def found(pictures: Sequence[Picture]) -> list[Picture]:
        return [extract(picture) for picture in pictures]

    return Fidelity(
        metric=f"edge F1, Chebyshev tolerance {TOLERANCE} px, largest one-to-one matching, mean over pictures",
        extractor={"condition": "canny", **CANNY},
        asked=lambda held_out: found(held_out.pictures),
        found=found,
        score=edge_f1,
    )


def _segmentation(judge: Judge) -> Fidelity:
    return Fidelity(
        metric="object-class mIoU: mean over the object classes asked for or found, then over pictures",
        extractor={"condition": "segmentation", "by": "the judge"},
        asked=_true_classes,
        found=lambda pictures: [PALETTE[classes] for classes in judge.classes(pictures)],
        score=object_miou,
    )


def _true_classes(held_out: HeldOut) -> list[Picture]:
    made: list[Picture] = []
    for group in groups(held_out.scenes, RENDERED_TOGETHER):
        made += list(condition_images("segmentation", render(group, size=len(held_out.pictures[0])), group))
    return made


def object_miou(found: Picture, asked: Picture) -> float:
    """Mean intersection over union of the object classes in either of two class images (H, W, 3); none in both: 1."""
    first, second = class_ids(found), class_ids(asked)
    shares = []
    for kind in KINDS:
        one, two = first == CLASSES.index(kind), second == CLASSES.index(kind)
        if one.any() or two.any():
            shares.append(float((one & two).sum() / (one | two).sum()))
    return float(np.mean(shares)) if shares else 1.0


def class_ids(picture: Picture) -> NDArray[np.intp]:
    """Class colours (H, W, 3) -> positions in CLASSES (H, W); ValueError for a colour that stands for no class."""
    distance = np.abs(picture[..., None, :].astype(np.int16) - PALETTE.astype(np.int16)).sum(-1)
    if distance.min(-1).any():
        raise ValueError("class colours of zeroconv.scenes.PALETTE expected, got others among them")
    return np.asarray(distance.argmin(-1))
