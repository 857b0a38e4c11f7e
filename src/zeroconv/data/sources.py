"""Where examples come from: what a source is, and how `--data` names one.

A source is map-style: example i is the same whenever, wherever and in whatever company it is read.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from zeroconv import conditions
from zeroconv.data.crop import RandomCrop
from zeroconv.data.listing import is_listed
from zeroconv.data.records import Example
from zeroconv.errors import UserError, nearest

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


class Source(Protocol):
    """A sequence of examples that can be read in any order, and told apart from other sources."""

    def __len__(self) -> int: ...

    def describe(self) -> dict[str, Any]:
        """Everything that example i depends on besides i, as plain JSON values."""

    def read(self, indices: Sequence[int]) -> list[Example]:
        """The examples at these positions, in this order."""

    def split(self, held_out: int) -> "tuple[Source, Source | None]":
        """What to train on, and `held_out` examples of the same kind that are not in it, or as many as there are."""

    def mirrored(self) -> "Source":
        """The same examples with left and right exchanged; UserError where their conditions do not allow it."""


@runtime_checkable
class Cuttable(Source, Protocol):
    """A source of pictures that have shapes of their own, and so can be cut in more than one way."""

    def cut_at_random(self, crop: RandomCrop) -> "Cuttable":
        """The same examples cut at random places."""

    def shapes(self) -> list[tuple[int, int]]:
        """(width, height) of every picture as it is."""

    def part(self, indices: Sequence[int], size: tuple[int, int]) -> "Cuttable":
        """Some of the examples, cut to this (width, height)."""


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


def open_source(name: str, extraction: Extraction, size: int) -> Source:
    """The source that `name` stands for; pictures of size x size pixels.

    "scenes:20000" or "scenes:20000,seed=3": rendered scenes. "folder:PATH" or "folder:PATH,conditions=PATH2", or a path
    alone, or tar shards as "data/*.tar": pictures of one's own (zeroconv.data.listing names the layouts).
    Raises UserError for an unknown kind, a count that is no positive number, an unknown option, or an unusable folder.
    """
    kind, _, rest = name.partition(":")
    if kind in READERS:
        return READERS[kind](rest, extraction, size)
    place = Path(name.partition(",conditions=")[0]).expanduser()
    if name and is_listed(place):
        return _folder(name, extraction, size)
    raise UserError(
        "--data is a folder of pictures, tar shards as 'data/*.tar', or 'scenes:COUNT' for rendered scenes; "
        f"got {name!r}, which is no folder; "
        f"{nearest(kind, READERS)}"
    )


def _scenes(rest: str, extraction: Extraction, size: int) -> Source:
    from zeroconv.data.scenes import SceneSource

    count, *options = rest.split(",")
    values = dict(option.partition("=")[::2] for option in options)
    if unknown := values.keys() - {"seed"}:
        raise UserError(f"scenes have no option {sorted(unknown)[0]!r}; {nearest(sorted(unknown)[0], ['seed'])}")
    return SceneSource(
        count=_whole_number(count, "the number of scenes", least=1),
        extraction=extraction,
        size=size,
        seed=_whole_number(values.get("seed", "1"), "the seed of the scenes", least=0),
    )


def _folder(rest: str, extraction: Extraction, size: int) -> Source:
    from zeroconv.data.folder import FolderSource

    path, _, ready = rest.partition(",conditions=")
    return FolderSource.open(Path(path).expanduser(), Path(ready).expanduser() if ready else None, extraction, size)


def _whole_number(text: str, what: str, least: int) -> int:
    digits = text.strip().replace("_", "")
    if not (digits.isascii() and digits.isdigit()) or int(digits) < least:
        raise UserError(f"{what} must be a whole number of at least {least}, as in 'scenes:20000'; got {text!r}")
    return int(digits)


READERS: dict[str, Callable[[str, Extraction, int], Source]] = {"scenes": _scenes, "folder": _folder}
