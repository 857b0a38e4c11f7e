"""A folder of one's own pictures as training data, with ready condition images or with conditions made from them."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from zeroconv import conditions
from zeroconv.data.entry import Entry
from zeroconv.data.listing import list_folder
from zeroconv.data.places import fingerprint, read_place
from zeroconv.data.records import Example
from zeroconv.data.sources import Extraction, Picture
from zeroconv.errors import UserError
from zeroconv.images import RESAMPLING, fit

LARGEST_SHARE = 10
"""At most one in so many pictures is held out."""


@dataclass(frozen=True)
class FolderSource:
    """The pictures of a folder, cut in the middle and scaled to size x size pixels, and their conditions alike."""

    entries: tuple[Entry, ...]
    layout: str
    extraction: Extraction
    size: int

    @classmethod
    def open(cls, folder: Path, ready: Path | None, extraction: Extraction, size: int) -> "FolderSource":
        """All examples of `folder`; UserError where one has no condition and none can be made."""
        listing = list_folder(folder, extraction.name, ready)
        lacking = next((entry for entry in listing.entries if entry.condition is None), None)
        if lacking is not None and extraction.extract is None:
            raise UserError(
                f"{lacking.picture} has no {extraction.name} image, and none can be made from a picture; "
                f"name it in metadata.jsonl as {extraction.name}_file_name, or give a folder with conditions=FOLDER"
            )
        return cls(listing.entries, listing.layout, extraction, size)

    def __len__(self) -> int:
        return len(self.entries)

    def describe(self) -> dict[str, Any]:
        """The layout, the size, and a hash of all names, captions and file sizes."""
        digest = hashlib.sha256()
        for entry in self.entries:
            versions = ", ".join(fingerprint(place) for place in (entry.picture, entry.condition) if place is not None)
            digest.update(f"{entry.name}\0{entry.caption}\0[{versions}]\n".encode())
        return {"kind": "folder", "layout": self.layout, "size": self.size, "files": digest.hexdigest()[:16]}

    def read(self, indices: Sequence[int]) -> list[Example]:
        return [self._read(index) for index in indices]

    def split(self, held_out: int) -> tuple["FolderSource", "FolderSource | None"]:
        """Hold out pictures chosen by a hash of their names, the same ones whenever the folder is read."""
        count = min(held_out, len(self.entries) // LARGEST_SHARE)
        if count < 2:  # one alone has no other's condition to be compared with
            return self, None
        chosen = set(sorted(self.entries, key=_rank)[:count])
        unseen = tuple(entry for entry in self.entries if entry in chosen)
        seen = tuple(entry for entry in self.entries if entry not in chosen)
        return replace(self, entries=seen), replace(self, entries=unseen)

    def _read(self, index: int) -> Example:
        entry, square = self.entries[index], (self.size, self.size)
        picture = np.asarray(fit(read_place(entry.picture), square))
        return Example(
            name=entry.name,
            image=picture,
            caption=entry.caption,
            condition=self._condition(entry, picture),
            index=index,
        )

    def _condition(self, entry: Entry, picture: Picture) -> Picture:
        if entry.condition is None:
            assert self.extraction.extract is not None
            return self.extraction.extract(picture)
        resample = RESAMPLING[conditions.kind(self.extraction.name).resize_filter]
        return np.asarray(fit(read_place(entry.condition), (self.size, self.size), resample=resample))


def _rank(entry: Entry) -> str:
    return hashlib.sha256(entry.name.encode()).hexdigest()
