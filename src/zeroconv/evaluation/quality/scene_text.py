"""How much of a caption of the embedded world a picture shows: the objects named, each with its colour if it is named.

The world's counterpart of CLIP score, in plain units: the share of the objects named that the judge sees.
"""

import re
from collections.abc import Sequence

from zeroconv.perception import SeenObject
from zeroconv.scenes import KINDS
from zeroconv.scenes.vocabulary import COLOURS

_COLOUR = "|".join(COLOURS)
_NAMED = re.compile(
    rf"(?:\b(?P<before>{_COLOUR}) )?\b(?P<kind>{'|'.join(KINDS)})\b(?: in an? (?P<shirt>{_COLOUR}) shirt)?"
)

Thing = tuple[str, str | None]
"""Kind, and colour where it is named; a person's is that of the shirt."""


def named_objects(caption: str) -> list[Thing]:
    """The objects that a caption of the world names, in its order."""
    return [(found["kind"], found["shirt"] or found["before"]) for found in _NAMED.finditer(caption)]


def without_colours(caption: str) -> str:
    """A caption with the colours taken out, which no drawing of lines shows: "a red house" becomes "a house"."""
    return re.sub(rf"\b(?:{_COLOUR}) ", "", caption)


def share_seen(caption: str, seen: Sequence[SeenObject]) -> float | None:
    """The share of the objects named that are seen, 0 to 1; each seen object counts once. None: nothing is named."""
    wanted = sorted(named_objects(caption), key=lambda thing: thing[1] is None)  # the pickier ones choose first
    left, right = list(seen), 0
    for kind, colour in wanted:
        match = next((o for o in left if o.kind == kind and colour in (None, o.colour)), None)
        if match is not None:
            left.remove(match)
            right += 1
    return right / len(wanted) if wanted else None
