"""COCO's palette: the published colours, told apart, and nothing drawn for a class that does not exist."""

import numpy as np
import pytest

from zeroconv.conditions import coco
from zeroconv.errors import UserError


def test_the_colours_are_the_published_ones_and_differ() -> None:
    assert len(coco.NAMES) == len(set(coco.COLOURS.values())) == len(set(coco.NAMES.values())) == 133
    assert (0, 0, 0) not in coco.COLOURS.values()
    published = {1: ("person", (220, 20, 60)), 90: ("toothbrush", (191, 162, 208)), 149: ("road", (128, 64, 128))}
    assert {number: (coco.NAMES[number], coco.COLOURS[number]) for number in published} == published
    assert coco.NAMES[200] == "rug-merged" and 12 not in coco.NAMES


def test_classes_become_colours() -> None:
    drawn = coco.to_colours(np.array([[0, 1], [187, 200]]))
    assert drawn.tolist() == [[[0, 0, 0], [220, 20, 60]], [[70, 130, 180], [250, 141, 255]]]
    for wrong in (12, 201, -1):
        with pytest.raises(UserError, match=f"COCO has no class {wrong}"):
            coco.to_colours(np.array([[1, wrong]]))
