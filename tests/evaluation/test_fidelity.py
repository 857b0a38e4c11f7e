"""Scores of class images, and what is asked for in each condition."""

from itertools import pairwise

import numpy as np
import pytest

from zeroconv.errors import UserError
from zeroconv.evaluation.fidelity import class_ids, fidelity_of, object_miou
from zeroconv.evaluation.held_out import HeldOut
from zeroconv.evaluation.judge import Judge
from zeroconv.perception import PerceptionNetwork
from zeroconv.scenes import CLASSES, PALETTE

SKY, CUBE, RING = (CLASSES.index(name) for name in ("sky", "cube", "ring"))


def image(*rows: list[int]) -> np.ndarray:
    return PALETTE[np.array(rows)]


def test_miou_is_over_object_classes_asked_for_or_found() -> None:
    asked = image([SKY, SKY, CUBE, CUBE], [SKY, SKY, CUBE, CUBE])
    assert object_miou(asked, asked) == 1.0
    assert object_miou(image([SKY, SKY, SKY, CUBE], [SKY, SKY, SKY, CUBE]), asked) == 0.5
    assert object_miou(image([SKY, SKY, CUBE, CUBE], [RING, SKY, CUBE, CUBE]), asked) == 0.5  # a ring too many
    assert object_miou(image([SKY] * 4, [SKY] * 4), image([SKY] * 4, [SKY] * 4)) == 1.0


def test_other_colours_are_no_classes() -> None:
    with pytest.raises(ValueError, match="PALETTE"):
        class_ids(np.full((2, 2, 3), 77, np.uint8))


def test_segmentation_asks_for_the_true_classes(few_scenes: HeldOut) -> None:
    judge = Judge(PerceptionNetwork((4, 8, 8, 8)).eval().requires_grad_(False))
    fidelity = fidelity_of("segmentation", judge)
    asked = fidelity.asked(few_scenes)
    for picture, scene in zip(asked, few_scenes.scenes, strict=True):
        names = {CLASSES[k] for k in np.unique(class_ids(picture))}
        assert names & {"sky", "wall", "ground"}
        assert names - {"sky", "wall", "ground"} <= {thing.kind for thing in scene.objects}
    assert [p.shape for p in fidelity.found(few_scenes.pictures)] == [p.shape for p in asked]


def test_canny_asks_for_the_edges_of_the_true_picture(few_scenes: HeldOut) -> None:
    fidelity = fidelity_of("canny")
    asked = fidelity.asked(few_scenes)
    assert all(fidelity.score(*pair) == 1.0 for pair in zip(fidelity.found(few_scenes.pictures), asked, strict=True))
    assert np.mean([fidelity.score(a, b) for a, b in pairwise(asked)]) < 0.5


def test_what_is_not_measured_is_told() -> None:
    with pytest.raises(UserError, match="not measured yet"):
        fidelity_of("depth")
    with pytest.raises(UserError, match="--judge FOLDER"):
        fidelity_of("segmentation")
