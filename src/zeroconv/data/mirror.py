"""Left and right exchanged: in the words of a caption, and in a picture and its condition image.

A condition that is made from a picture is made from the mirrored one, so that here only ready condition images are
mirrored. Pixels move, and where colours mean directions they change too: the x of normals. The limbs of a person have
other colours on the left than on the right and lie over each other half transparent, so that a drawn pose cannot be
mirrored as pixels: it is drawn anew from its keypoints (zeroconv.data.places.Mirrors).
Shapes: H, W the picture's height and width.
"""

import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from zeroconv.conditions import normal
from zeroconv.conditions.skeleton import Picture
from zeroconv.errors import UserError

DRAWN_ANEW = ("pose",)
"""Conditions whose ready images cannot be mirrored as pixels."""
FIXED = {"pose": "keypoints"}
"""Options that name a file of what is drawn, wherever the picture has it then."""

_SIDES = {"left": "right", "right": "left"}
_WORD = re.compile(r"\b(left|right)(?=(?:most|wards?|hand(?:ed|ers?)?|side)?\b)", re.IGNORECASE)


def check_follows(name: str, options: Mapping[str, Any], instead: str) -> None:
    """UserError for a condition that is drawn from one file, and so cannot follow a mirrored or moved picture."""
    if file := options.get(FIXED.get(name, "")):
        raise UserError(
            f"{name}: {FIXED[name]}={file} is drawn as it lies in the file and cannot follow pictures that are "
            f"mirrored or cut elsewhere; take {instead}"
        )


def mirrored_caption(caption: str) -> str:
    """The caption with the words left and right exchanged, leftmost, left-hand, leftwards and their like too.

    Whole words in the case they have; what they mean is not looked at ("a right angle" becomes "a left angle").
    """
    return _WORD.sub(lambda found: _in_case_of(found[0], _SIDES[found[0].lower()]), caption)


def mirrored_picture(image: Picture) -> Picture:
    """uint8 (H, W, N) -> the same seen in a mirror."""
    return np.ascontiguousarray(image[:, ::-1])


def mirrored_condition(name: str, options: Mapping[str, Any], image: Picture) -> Picture:
    """A ready condition image uint8 (H, W, N), its condition's name and options -> that of the mirrored picture."""
    assert name not in DRAWN_ANEW
    mirrored = mirrored_picture(image)
    return normal.turned(mirrored, options.get("channels", "RGB")) if name == "normal" else mirrored


def _in_case_of(given: str, word: str) -> str:
    if given.isupper():
        return word.upper()
    return word.capitalize() if given[0].isupper() else word
