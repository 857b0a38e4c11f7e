"""What a caption of the world names, and how much of it is seen: against the scenes that made the captions."""

import pytest

from zeroconv.evaluation.quality.scene_text import named_objects, share_seen, without_colours
from zeroconv.perception import SeenObject
from zeroconv.scenes import sample_scene


def seen(kind: str | None, colour: str) -> SeenObject:
    return SeenObject(kind, colour, 5.0, 5.0, 0.9)


def test_every_object_of_a_caption_is_found_with_its_colour() -> None:
    for index in range(300):
        scene = sample_scene(2_000_000, index)
        found = named_objects(scene.caption)
        assert sorted(kind for kind, _ in found) == sorted(thing.kind for thing in scene.objects), scene.caption
        colours = sorted(thing.colour for thing in scene.objects if "pine tree" not in thing.description)
        assert sorted(colour for _, colour in found if colour) == colours, scene.caption


@pytest.mark.parametrize(
    ("objects", "share"),
    [
        ([seen("cube", "red"), seen("tree", "pink")], 1.0),
        ([seen("cube", "blue"), seen("tree", "green")], 0.5),
        ([seen("cube", "red")], 0.5),
        ([seen(None, "red"), seen("house", "red")], 0.0),
        ([], 0.0),
    ],
)
def test_the_share_of_what_is_named(objects: list[SeenObject], share: float) -> None:
    assert share_seen("a large red cube next to a pine tree in front of a blue wall", objects) == share


def test_one_object_seen_answers_for_one_named() -> None:
    assert share_seen("a tree and a green tree", [seen("tree", "green")]) == 0.5
    assert share_seen("a tree and a green tree", [seen("tree", "green"), seen("tree", "pink")]) == 1.0
    assert share_seen("a blue cube and a red cube", [seen("cube", "red"), seen("cube", "red")]) == 0.5


def test_a_caption_without_objects_has_no_score() -> None:
    assert share_seen("a delicious cake", [seen("cube", "red")]) is None
    assert share_seen("", []) is None


def test_colours_are_taken_out_of_a_caption() -> None:
    caption = "a large red cube next to a person in a brown shirt and blue trousers under the sky"
    plain = "a large cube next to a person in a shirt and trousers under the sky"
    assert without_colours(caption) == plain
    assert named_objects(plain) == [("cube", None), ("person", None)]
