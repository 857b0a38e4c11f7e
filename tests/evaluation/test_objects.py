"""Right kinds, colours and orders, with a judge that sees what it is told to see."""

from collections.abc import Sequence

import pytest

from zeroconv.base import BaseModel
from zeroconv.evaluation.held_out import Picture
from zeroconv.evaluation.judge import Judge
from zeroconv.evaluation.objects import (
    PAIRS,
    estimate_variety,
    object_parts,
    one_right,
    single_object_scenes,
    two_object_scenes,
    two_right,
)
from zeroconv.evaluation.sampler import Sampler
from zeroconv.perception import PerceptionNetwork, SeenObject
from zeroconv.scenes import KINDS, Scene


class Told(Judge):
    """Sees prepared objects, whatever the pictures show."""

    def __init__(self, objects: Sequence[list[SeenObject]]) -> None:
        self.told = list(objects)

    def objects(self, pictures: Sequence[Picture]) -> list[list[SeenObject]]:
        return self.told

    def joints(self, pictures: Sequence[Picture]) -> list[float]:
        return [0.5] * len(pictures)


def truth(scene: Scene) -> list[SeenObject]:
    """The scene's objects, seen perfectly."""
    return [SeenObject(thing.kind, thing.colour, 10.0 + 50 * k, 60.0, 0.9) for k, thing in enumerate(scene.objects)]


def test_perfect_sight_of_true_scenes_gets_full_marks() -> None:
    single, two = single_object_scenes(18), two_object_scenes(80)
    one = one_right(Told([truth(s) for s in single]), single, [None] * 18)  # type: ignore[list-item]
    for name in ("kind right", "colour right", "one object", *(f"kind right: {kind}" for kind in KINDS)):
        assert set(one[name].values()) == {1.0}, name
    assert set(one["joints found"]) == {k for k, s in enumerate(single) if s.objects[0].kind == "person"}
    both = two_right(Told([truth(s) for s in two]), two, [None] * 80)  # type: ignore[list-item]
    assert set(both["both present"].values()) == set(both["order right"].values()) == {1.0}
    assert 0 < len(both["order right"]) < 80  # only captions that tell an order


def test_objects_that_changed_places_are_present_but_in_the_wrong_order() -> None:
    scenes = two_object_scenes(80)
    mirrored = [[SeenObject(o.kind, o.colour, 100 - o.x, o.y, o.certainty) for o in truth(s)] for s in scenes]
    columns = two_right(Told(mirrored), scenes, [None] * 80)  # type: ignore[list-item]
    assert set(columns["both present"].values()) == {1.0}
    assert set(columns["order right"].values()) == {0.0}


def test_the_most_certain_object_is_judged() -> None:
    scenes = single_object_scenes(2)
    wrong = SeenObject(None, "pink", 5.0, 5.0, 0.4)
    kind = scenes[0].objects[0].kind
    first = [wrong, SeenObject(kind, "pink", 60.0, 60.0, 0.8)]
    columns = one_right(Told([first, []]), scenes, [None] * 2)  # type: ignore[list-item]
    assert columns["kind right"] == {0: 1.0, 1: 0.0}
    assert columns["one object"] == {0: 0.0, 1: 0.0}


def test_captions_cover_all_kinds_and_pairs() -> None:
    assert [s.objects[0].kind for s in single_object_scenes(9)] == list(KINDS)
    assert {tuple(o.kind for o in s.objects) for s in two_object_scenes(len(PAIRS))} == set(PAIRS)


@pytest.mark.parametrize(("kinds", "number"), [(KINDS, 9.0), (("ring",) * 4, 1.0), ((None, None), 0.0)])
def test_variety_counts_kinds_as_far_as_they_are_even(kinds: Sequence[str | None], number: float) -> None:
    seen = [[SeenObject(kind, "red", 0.0, 0.0, 1.0)] for kind in kinds]
    assert estimate_variety(seen).mean == pytest.approx(number)


def test_all_parts_are_drawn_and_judged(small_base: BaseModel) -> None:
    judge = Judge(PerceptionNetwork((4, 8, 8, 8)).eval().requires_grad_(False))
    one, two, empty = object_parts(small_base, judge, 10, Sampler(steps=1))
    assert [len(part.captions) for part in (one, two, empty)] == [10, 10, 10]
    assert {m.name for m in empty.measures()} == {"clear object", "kinds"}
    assert "kind right, true" in {m.name for m in one.measures()}
    rows = two.rows(seed=5, names=["both present", "kind right"])
    assert rows[3]["seed"] == 8 and rows[3]["kind right"] == "" and rows[3]["both present"] in (0.0, 1.0)
