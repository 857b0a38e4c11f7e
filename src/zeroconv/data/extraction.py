"""How the condition of an example is made from its picture, and how it is named."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from zeroconv import conditions
from zeroconv.errors import UserError

Picture = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Extraction:
    """How the condition of an example is made, in a form that can be written down."""

    name: str
    """The condition's canonical name."""
    options: dict[str, Any]
    """Every option, those left at their default included."""
    extract: Callable[[Picture], Picture] | None
    """Picture (H, W, 3) uint8 -> condition (H, W, N) uint8; None: only a source that knows the truth can tell it."""
    is_default: bool = True
    """Whether all options are as they come, so that the truth, where it is known, may stand for the extraction."""


def extraction_of(condition: str, options: Mapping[str, object]) -> Extraction:
    """The extraction by a condition's name or alias and its options; UserError where either is unknown."""
    kind = conditions.kind(condition)
    if kind.extractor is None:
        if options:
            raise UserError(f"{kind.name} has no options yet; got {', '.join(options)}")
        return Extraction(kind.name, {}, None)
    extractor, usual = conditions.create(kind.name, **options), conditions.create(kind.name)
    return Extraction(kind.name, conditions.recorded(extractor), extractor, extractor == usual)


def parse_conditions(given: Sequence[str]) -> tuple[tuple[str, ...], dict[str, dict[str, str]]]:
    """["canny,hed", "lineart,detail=0.7"] -> the names, and the options of those that have any."""
    names: list[str] = []
    options: dict[str, dict[str, str]] = {}
    for text in given:
        words = [word.strip() for word in text.split(",") if word.strip()]
        plain = [word for word in words if "=" not in word]
        if len(plain) != len(words) and len(plain) != 1:
            raise UserError(f"options belong to one condition, as in 'canny,low=50,high=120'; got {text!r}")
        names += plain
        if len(plain) != len(words):
            options[plain[0]] = dict(word.split("=", 1) for word in words if "=" in word)
    return tuple(names), options
