import numpy as np
import pytest

from zeroconv import conditions, scenes
from zeroconv.data.extraction import extraction_of
from zeroconv.data.scenes import SceneSource, reading_options
from zeroconv.errors import UserError
from zeroconv.scenes.truth import condition_images


@pytest.fixture(scope="module")
def source() -> SceneSource:
    return SceneSource(40, extraction_of("canny", {"low": 50, "high": 100}), size=48, seed=5)


def test_an_example_is_the_same_alone_and_in_company(source: SceneSource) -> None:
    together = source.read(range(18))
    alone = source.read([17])[0]
    assert (alone.name, alone.caption, alone.index) == (together[17].name, together[17].caption, 17)
    assert np.abs(alone.image.astype(int) - together[17].image).max() <= 2
    assert together[0].caption != together[1].caption


def test_the_condition_is_extracted_from_the_picture(source: SceneSource) -> None:
    example = source.read([3])[0]
    assert example.image.shape == (48, 48, 3) and example.image.dtype == np.uint8
    assert np.array_equal(example.condition, conditions.create("canny", low=50, high=100)(example.image))
    assert 0 < example.condition.mean() < 128


def test_held_out_scenes_are_others_and_cannot_be_trained_on(source: SceneSource) -> None:
    _, held_out = source.split(6)
    assert len(held_out) == 6
    assert held_out.describe()["seed"] != source.describe()["seed"]
    trained, unseen = source.read(range(6)), held_out.read(range(6))
    assert not any(np.array_equal(mine.image, theirs.image) for mine in trained for theirs in unseen)
    assert {example.name for example in trained}.isdisjoint(example.name for example in unseen)


def test_a_condition_comes_from_the_ground_truth_unless_its_options_are_given() -> None:
    asked = SceneSource(1, extraction_of("grey", {}), size=48).read([0])[0]
    assert np.array_equal(asked.condition, conditions.create("grey")(asked.image))
    given = SceneSource(1, extraction_of("canny", {"low": 10, "high": 20}), size=48).read([0])[0]
    assert np.array_equal(given.condition, conditions.create("canny", low=10, high=20)(given.image))

    source = SceneSource(3, extraction_of("normalbae", {}), size=48)
    sampled = [scenes.sample_scene(1, index) for index in range(3)]
    expected = condition_images("normal", scenes.render(sampled, size=48), sampled)
    made = np.stack([example.condition for example in source.read(range(3))])
    assert np.array_equal(made, expected) and made.std() > 10


def test_a_condition_of_ones_own_is_not_in_the_scenes() -> None:
    with pytest.raises(UserError, match="scenes have no custom images"):
        SceneSource(3, extraction_of("custom", {}), size=48)


def test_default_options_mean_the_truth_and_chosen_ones_an_extraction() -> None:
    sampled = [scenes.sample_scene(1, index) for index in range(2)]
    rendered = scenes.render(sampled, size=48)
    truth = SceneSource(2, extraction_of("lineart", {}), size=48).read(range(2))
    assert np.array_equal(np.stack([e.condition for e in truth]), condition_images("lineart", rendered, sampled))
    chosen = SceneSource(2, extraction_of("lineart", {"detail": 0.9}), size=48).read(range(2))
    assert np.array_equal(chosen[0].condition, conditions.create("lineart", detail=0.9)(chosen[0].image))


@pytest.mark.parametrize("condition", ["depth", "normal", "segmentation", "pose"])
def test_other_pictures_are_read_by_the_network_that_ships(condition: str) -> None:
    usual = extraction_of(condition, {}).options
    assert usual["method"] == "network"
    assert reading_options(condition, usual) == {**usual, "method": "scenes"}
    assert conditions.create(condition, **reading_options(condition, usual)).method == "scenes"  # type: ignore[attr-defined]


def test_what_needs_no_foreign_network_is_read_as_it_was() -> None:
    canny, chosen = extraction_of("canny", {"low": 50}).options, extraction_of("depth", {"weights": "mine"}).options
    assert reading_options("canny", canny) == canny and reading_options("depth", chosen) == chosen
    assert reading_options("custom", {}) == {}
