"""What is asked for in each condition, and the scores of what is found."""

from itertools import pairwise

import numpy as np
import pytest

from zeroconv.errors import UserError
from zeroconv.evaluation.fidelity import BY_JUDGE, MEASURED, fidelity_of
from zeroconv.evaluation.held_out import HeldOut, held_out_scenes
from zeroconv.evaluation.judge import Judge
from zeroconv.evaluation.scene_fidelity import has_person, joints_found, object_miou
from zeroconv.perception import PerceptionNetwork, load_perception
from zeroconv.scenes import CLASSES

SKY, CUBE, RING = (CLASSES.index(name) for name in ("sky", "cube", "ring"))


@pytest.fixture(scope="module")
def judge() -> Judge:
    return Judge(load_perception())


@pytest.fixture(scope="module")
def persons() -> HeldOut:
    return held_out_scenes(6, 128, selects=has_person)


def test_miou_is_over_object_classes_asked_for_or_found() -> None:
    asked = np.array([[SKY, SKY, CUBE, CUBE]] * 2)
    assert object_miou(asked, asked) == 1.0
    assert object_miou(np.array([[SKY, SKY, SKY, CUBE]] * 2), asked) == 0.5
    assert object_miou(np.array([[SKY, SKY, CUBE, CUBE], [RING, SKY, CUBE, CUBE]]), asked) == 0.5  # a ring too many
    assert object_miou(np.full((2, 4), SKY), np.full((2, 4), SKY)) == 1.0
    asked = np.full((128, 128), SKY)
    asked[40:80, 40:80] = CUBE
    found = asked.copy()
    found[0, :20] = RING  # a speck is no ring
    assert object_miou(found, asked) == 1.0
    found[0, :40] = RING
    assert object_miou(found, asked) == 0.5


def test_joints_count_within_a_tenth_of_the_figures_height() -> None:
    true = np.zeros((18, 3), np.float32)
    true[:, 1], true[:, 2] = np.linspace(10, 110, 18), 2
    true[0, 2] = 0  # out of the picture: not asked for
    true[1, 2] = 1  # hidden: not asked for, but it tells the height
    found = true.copy()
    found[:, 2] = 2
    assert joints_found(found, true) == 1.0
    found[2, 0] += 9.0
    assert joints_found(found, true) == 1.0
    found[2, 0] += 2.0
    assert joints_found(found, true) == pytest.approx(15 / 16)
    found[3, 2] = 0
    assert joints_found(found, true) == pytest.approx(14 / 16)
    assert joints_found(found, np.zeros((18, 3), np.float32)) == 1.0


@pytest.mark.parametrize("condition", MEASURED)
def test_true_pictures_follow_their_own_condition_better_than_anothers(
    condition: str, judge: Judge, persons: HeldOut
) -> None:
    fidelity = fidelity_of(condition, judge)
    found, asked = fidelity.found(persons.pictures), fidelity.asked(persons)
    assert all(a.image.shape == (128, 128, 3) and a.image.dtype == np.uint8 for a in asked)
    own = np.mean([fidelity.score(f, a.truth) for f, a in zip(found, asked, strict=True)])
    others = np.mean([fidelity.score(f, a.truth) for f, a in zip(found, (*asked[1:], asked[0]), strict=True)])
    assert own < others / 1.5 if fidelity.is_error else own > 1.5 * others


def test_canny_asks_for_the_edges_of_the_true_picture(few_scenes: HeldOut) -> None:
    fidelity = fidelity_of("canny")
    asked = [a.truth for a in fidelity.asked(few_scenes)]
    assert all(fidelity.score(*pair) == 1.0 for pair in zip(fidelity.found(few_scenes.pictures), asked, strict=True))
    assert np.mean([fidelity.score(a, b) for a, b in pairwise(asked)]) < 0.5


def test_poses_are_measured_on_scenes_with_one_person(persons: HeldOut) -> None:
    assert fidelity_of("pose", Judge(PerceptionNetwork((4, 8, 8, 8)))).selects is has_person
    assert all("person" in caption for caption in persons.captions)


def test_what_is_not_measured_is_told() -> None:
    with pytest.raises(UserError, match="is not measured"):
        fidelity_of("shuffle")
    for condition in BY_JUDGE:
        with pytest.raises(UserError, match="--judge must name one"):
            fidelity_of(condition)
