"""A folder of one's own pictures as training data, with ready condition images or with conditions made from them."""

import hashlib
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from zeroconv import conditions
from zeroconv.data.crop import MIDDLE, Centring, RandomCrop, mirrored_centring, told_sizes
from zeroconv.data.entry import Entry
from zeroconv.data.extraction import Extraction, Picture
from zeroconv.data.listing import list_folder
from zeroconv.data.mirror import DRAWN_ANEW, check_follows, mirrored_caption, mirrored_condition, mirrored_picture
from zeroconv.data.places import Mirrors, fingerprint, read_place, size_at
from zeroconv.data.records import Example
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
    shape: tuple[int, int] | None = None
    """(width, height) in place of size x size."""
    crop: RandomCrop | None = None
    """None: cut in the middle."""
    is_mirrored: bool = False

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
        """The layout, how pictures are cut, and a hash of all names, captions and file sizes."""
        digest = hashlib.sha256()
        for entry in self.entries:
            versions = ", ".join(fingerprint(place) for place in (entry.picture, entry.condition) if place is not None)
            digest.update(os.fsencode(f"{entry.name}\0{entry.caption}\0[{versions}]\n"))
        about = {"kind": "folder", "layout": self.layout, "size": self.size, "files": digest.hexdigest()[:16]}
        unusual = {
            "shape": self.shape and list(self.shape),
            "crop": self.crop and asdict(self.crop),
            "mirrored": self.is_mirrored,
        }
        return about | {name: value for name, value in unusual.items() if value}

    def read(self, indices: Sequence[int]) -> list[Example]:
        return [self._read(index) for index in indices]

    def split(self, held_out: int) -> tuple["FolderSource", "FolderSource | None"]:
        """Hold out pictures chosen by a hash of their names, the same ones whenever the folder is read."""
        count = min(held_out, len(self.entries) // LARGEST_SHARE)
        if count < 2:  # one alone has no other's condition to be compared with
            return self, None
        chosen = {self.entries[index] for index in self.unseen_first()[:count]}
        unseen = tuple(entry for entry in self.entries if entry in chosen)
        seen = tuple(entry for entry in self.entries if entry not in chosen)
        return replace(self, entries=seen), replace(self, entries=unseen)

    def unseen_first(self) -> list[int]:
        """The positions of all examples, those first that `split` holds out first."""
        return sorted(range(len(self.entries)), key=lambda index: _rank(self.entries[index]))

    def mirrored(self) -> "FolderSource":
        """All pictures and conditions as a mirror shows them; UserError where a ready condition image cannot be."""
        check_follows(self.extraction.name, self.extraction.options, "--flip 0")
        ready = (entry.condition for entry in self.entries if entry.condition is not None)
        drawing = next((place for place in ready if not isinstance(place, Mirrors)), None)
        if drawing is not None and self.extraction.name in DRAWN_ANEW:
            raise UserError(
                f"{drawing} cannot be mirrored: the colours of a {self.extraction.name} drawing tell left from right, "
                "and only one made from its picture or from COCO's keypoints is drawn anew; take --flip 0"
            )
        return replace(self, is_mirrored=True)

    def cut_at_random(self, crop: RandomCrop) -> "FolderSource":
        check_follows(self.extraction.name, self.extraction.options, "--crop centre")
        return replace(self, crop=crop)

    def shapes(self) -> list[tuple[int, int]]:
        return [size_at(entry.picture) for entry in self.entries]

    def part(self, indices: Sequence[int], size: tuple[int, int]) -> "FolderSource":
        return replace(self, entries=tuple(self.entries[index] for index in indices), shape=size)

    def _read(self, index: int) -> Example:
        entry, size = self.entries[index], self.shape or (self.size, self.size)
        centring = MIDDLE if self.crop is None else self.crop.centring(entry.name)
        whole = read_place(entry.picture)
        picture = np.asarray(fit(whole, size, centring=centring))
        seen_from = mirrored_centring(centring) if self.is_mirrored else centring
        picture = mirrored_picture(picture) if self.is_mirrored else picture
        return Example(
            name=entry.name,
            image=picture,
            caption=mirrored_caption(entry.caption) if self.is_mirrored else entry.caption,
            condition=self._condition(entry, picture, centring),
            index=index,
            sizes=told_sizes(whole.size, size, seen_from) if self.shape or self.crop else None,
        )

    def _condition(self, entry: Entry, picture: Picture, centring: Centring) -> Picture:
        """Made from the picture as it is seen, or the ready image, cut as the picture is and mirrored with it."""
        name, ready, size = self.extraction.name, entry.condition, (picture.shape[1], picture.shape[0])
        if ready is None:
            assert self.extraction.extract is not None
            return self.extraction.extract(picture)
        resample = RESAMPLING[conditions.kind(name).resize_filter]
        if self.is_mirrored and isinstance(ready, Mirrors):
            drawn = read_place(ready.mirrored())
            return np.asarray(fit(drawn, size, resample=resample, centring=mirrored_centring(centring)))
        image = np.asarray(fit(read_place(ready), size, resample=resample, centring=centring))
        return mirrored_condition(name, self.extraction.options, image) if self.is_mirrored else image


def _rank(entry: Entry) -> str:
    return hashlib.sha256(os.fsencode(entry.name)).hexdigest()
