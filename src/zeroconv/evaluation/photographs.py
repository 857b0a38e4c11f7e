"""Held-out photographs: pictures of one's own with captions and condition images, read as training reads them.

Nobody can tell from a folder what was trained on: that they are held out is the user's to see to. They are taken in
the order in which `zeroconv train --held-out` sets the pictures of a folder aside: the same folder gives just those.
"""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from zeroconv.data.extraction import Extraction
from zeroconv.data.folder import FolderSource
from zeroconv.data.opening import open_source
from zeroconv.data.places import Place
from zeroconv.data.records import Example
from zeroconv.errors import UserError
from zeroconv.evaluation.held_out import Picture, Progress, groups, silent
from zeroconv.evaluation.measured import Fidelity
from zeroconv.evaluation.report import captions_hash, pictures_hash

READ_TOGETHER = 8


@dataclass(frozen=True, eq=False)
class Photograph:
    """One picture as the base would draw it, its caption and its condition image."""

    example: Example
    ready: Place | None
    """Where the data has the condition image; None: it was made from the picture."""


@dataclass(frozen=True, eq=False)
class Photographs:
    """N photographs of one size."""

    items: tuple[Photograph, ...]

    noun: ClassVar[str] = "photograph"

    @property
    def names(self) -> tuple[str, ...]:
        """The names of their files."""
        return tuple(item.example.name for item in self.items)

    @property
    def captions(self) -> tuple[str, ...]:
        """What each shows, in words; empty where nothing is known."""
        return tuple(item.example.caption for item in self.items)

    @property
    def pictures(self) -> tuple[Picture, ...]:
        """Cut in the middle and scaled to the base's native size."""
        return tuple(item.example.image for item in self.items)

    @property
    def conditions(self) -> tuple[Picture, ...]:
        """What the ControlNet sees of each."""
        return tuple(item.example.condition for item in self.items)

    def describe(self) -> dict[str, Any]:
        """How many, and hashes of captions, pictures and condition images: whatever their files are."""
        return {
            "count": len(self.items),
            "captions": captions_hash(self.captions),
            "pictures": pictures_hash(self.pictures),
            "conditions": pictures_hash(self.conditions),
        }


def open_photographs(data: str, extraction: Extraction, size: int) -> FolderSource:
    """What `--data` names, as for training; UserError for what is none, and for rendered scenes."""
    source = open_source(data, extraction, size)
    if not isinstance(source, FolderSource):
        raise UserError(f"--data names photographs; held-out scenes are measured without it, got {data!r}")
    return source


def held_out_photographs(
    source: FolderSource, fidelity: Fidelity, count: int, *, progress: Progress = silent
) -> Photographs:
    """The first `count` (at least 2) photographs in which there is something to be followed, or as many as there are.

    UserError where fewer than two are left, which give no interval. Warns where captions are missing.
    """
    if count < 2:
        raise UserError(f"at least 2 photographs are needed for an interval, got a count of {count}")
    found, order = list[Photograph](), source.unseen_first()
    for positions in progress(groups(order[:count], READ_TOGETHER), "read"):
        found += _followable(photographs_at(source, positions), fidelity)
    for position in order[count:]:  # in place of those that are left out
        if len(found) == count:
            break
        found += _followable(photographs_at(source, [position]), fidelity)
    if len(found) < 2:
        which = f"pictures whose {source.extraction.name} image shows something"
        raise UserError(f"at least 2 {which} are needed for an interval; of {len(source)} there are {len(found)}")
    photographs = Photographs(tuple(found))
    _warn_of_captions(photographs)
    return photographs


def photographs_at(source: FolderSource, positions: Sequence[int]) -> Photographs:
    """The photographs at some positions of a source."""
    examples = source.read(positions)
    return Photographs(tuple(Photograph(one, source.entries[one.index].condition) for one in examples))


def warn_of_training(source: FolderSource, count: int, trained_on: Mapping[str, Any]) -> None:
    """Warns where a ControlNet was trained on the same folder and held out fewer pictures of it than `count`.

    trained_on: what the ControlNet's sidecar records of its data.
    """
    held_out = len(source) - int(trained_on.get("examples", 0))
    if not 0 <= held_out < min(count, len(source)):
        return
    if source.split(held_out)[0].describe().get("files") == trained_on.get("files"):
        which = f"all but {held_out}" if held_out else "all"
        warnings.warn(
            f"of the {len(source)} pictures {which} are those that the ControlNet was trained on", stacklevel=2
        )


def _followable(photographs: Photographs, fidelity: Fidelity) -> list[Photograph]:
    """Those whose condition image shows something, and something that is measured."""
    asked = fidelity.asked(photographs)
    pairs = zip(photographs.items, asked, strict=True)
    return [item for item, each in pairs if each.truth is not None and each.image.min() < each.image.max()]


def _warn_of_captions(photographs: Photographs) -> None:
    lacking, count = photographs.captions.count(""), len(photographs.items)
    if lacking:
        text = f"{lacking} of {count} photographs have no caption: control and no control are drawn without words there"
        warnings.warn(text, stacklevel=3)
