"""Objects and joints read from maps made by hand."""

from dataclasses import replace

import pytest
import torch

from zeroconv.perception import Perception, seen_keypoints, seen_objects
from zeroconv.perception.network import UNCLEAR
from zeroconv.scenes import COLOURS, KINDS

SURE, NEVER = 6.0, -6.0


@pytest.fixture
def nothing() -> Perception:
    """Two pictures of 64 x 64 in which nothing is seen."""
    return Perception(
        classes=torch.zeros(2, 12, 64, 64),
        nearness=torch.zeros(2, 1, 64, 64),
        normal=torch.zeros(2, 3, 64, 64),
        soft_edges=torch.full((2, 1, 64, 64), NEVER),
        keypoints=torch.full((2, 18, 32, 32), NEVER),
        centres=torch.full((2, 1, 16, 16), NEVER),
        kinds=torch.zeros(2, len(KINDS) + 1, 16, 16),
        colours=torch.zeros(2, len(COLOURS), 16, 16),
        features=torch.zeros(2, 4),
    )


def put(seen: Perception, picture: int, row: int, column: int, kind: int, colour: str, height: float = SURE) -> None:
    seen.centres[picture, 0, row, column] = height
    seen.kinds[picture, kind, row, column] = SURE
    seen.colours[picture, list(COLOURS).index(colour), row, column] = SURE


def test_objects_come_from_left_to_right_with_their_words(nothing: Perception) -> None:
    put(nothing, 1, 8, 12, KINDS.index("house"), "red")
    put(nothing, 1, 7, 3, KINDS.index("ring"), "blue", height=2.0)
    empty, full = seen_objects(nothing)
    assert empty == []
    assert [(o.kind, o.colour, o.x, o.y) for o in full] == [("ring", "blue", 14.0, 30.0), ("house", "red", 50.0, 34.0)]
    assert full[0].certainty < full[1].certainty


def test_a_neighbour_of_a_peak_is_not_another_object(nothing: Perception) -> None:
    put(nothing, 0, 8, 8, 0, "red")
    put(nothing, 0, 8, 9, 0, "red", height=5.0)
    assert len(seen_objects(nothing)[0]) == 1


def test_an_unclear_object_has_no_kind(nothing: Perception) -> None:
    put(nothing, 0, 4, 4, UNCLEAR, "green")
    put(nothing, 1, 4, 4, 0, "green")
    nothing.kinds[1, 1, 4, 4] = SURE  # as likely a cube as a sphere
    nothing.kinds[1, 2, 4, 4] = SURE
    assert [[o.kind for o in objects] for objects in seen_objects(nothing)] == [[None], [None]]


def test_joints_are_where_the_heat_is(nothing: Perception) -> None:
    nothing.keypoints[0, 4, 10, 20] = SURE
    first, second = seen_keypoints(nothing)
    assert first[4].tolist() == [41.0, 21.0, 2.0]
    assert first[:, 2].sum() == 2.0
    assert not second[:, 2].any()


def test_faint_centres_are_no_objects(nothing: Perception) -> None:
    faint = replace(nothing, centres=torch.full((2, 1, 16, 16), -1.0))
    assert seen_objects(faint) == [[], []]
