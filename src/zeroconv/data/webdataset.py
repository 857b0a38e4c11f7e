"""Tar shards in the layout of WebDataset: consecutive files of one key are an example.

KEY.png (or .jpg, .webp ...) is the picture, KEY.txt or the text in KEY.json its caption, KEY.<condition>.png its
condition image; a key ends at the first dot of the file's name. Pictures are read where they lie in the tar, which must
not be compressed.
"""

import glob
import io
import itertools
import json
import os
import re
import tarfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NoReturn

from PIL import Image

from zeroconv import conditions
from zeroconv.errors import UserError
from zeroconv.images import decode_image, picture_size

INDEX = "index.json"
SUFFIX = ".tar"
TYPES = ("png", "jpg", "jpeg", "webp", "bmp", "tif", "tiff")
CAPTIONS = ("txt", "caption")
CONDITIONS = ("conditioning_image", "condition", "conditioning", "source")
"""Names of a condition image that do not say which condition it is."""


@dataclass(frozen=True, slots=True)
class Member:
    """A file within a tar shard."""

    shard: Path
    name: str
    offset: int
    """Where its content starts in the shard, in bytes."""
    size: int

    def __str__(self) -> str:
        return f"{self.shard}: {self.name}"

    def content(self) -> bytes:
        with self.shard.open("rb") as file:
            file.seek(self.offset)
            return file.read(self.size)

    def read(self) -> Image.Image:
        """The picture as RGB, upright; PictureError where it is none."""
        return decode_image(io.BytesIO(self.content()), str(self))

    def picture_size(self) -> tuple[int, int]:
        """(width, height) of the picture, upright; PictureError where it is none."""
        return picture_size(io.BytesIO(self.content()), str(self))

    def fingerprint(self) -> str:
        return f"{self.size} at {self.offset}"


@dataclass(frozen=True)
class Sample:
    """The files of one key, by what follows the key's dot."""

    key: str
    """The path of its shard below what all shards have in common, and its key, with a slash."""
    members: Mapping[str, Member]

    def picture(self) -> Member:
        """The picture itself; UserError where the key has none."""
        found = next((self.members[kind] for kind in TYPES if kind in self.members), None)
        if found is None:
            raise UserError(
                f"{self.key} has no picture: expected .{', .'.join(TYPES)}; got .{', .'.join(self.members)}"
            )
        return found

    def condition(self, name: str) -> Member | None:
        """The ready image of a condition (canonical name), under any of its names."""
        kind = conditions.kind(name)
        spellings = (spelling for known in (kind.name, *kind.aliases) for spelling in (known, known.replace("-", "_")))
        endings = (f"{name}.{kind}" for name in (*spellings, *CONDITIONS) for kind in TYPES)
        return next((self.members[ending] for ending in endings if ending in self.members), None)

    def caption(self, keys: Sequence[str]) -> str:
        """The text beside the picture, else the first of these entries that its JSON has; empty where there is none."""
        for kind in CAPTIONS:
            if kind in self.members:
                return self.members[kind].content().decode("utf-8", "replace").strip()
        if "json" not in self.members:
            return ""
        try:
            about = json.loads(self.members["json"].content())
        except ValueError as error:
            raise UserError(f"{self.members['json']} is no JSON ({error})") from error
        texts = (about.get(key) for key in keys) if isinstance(about, dict) else ()
        return next((text for text in texts if isinstance(text, str)), "")


def find_shards(place: Path) -> list[Path]:
    """The shards in a folder, those that a pattern as data/*.tar names, or a single one; empty where there are none."""
    if place.is_dir():
        return sorted(path for path in place.glob(f"*{SUFFIX}") if not path.name.startswith(".") and path.is_file())
    if place.suffix.lower() != SUFFIX:
        return []
    return [place] if place.is_file() else [Path(name) for name in sorted(glob.glob(str(place)))]  # noqa: PTH207


def samples(shards: Sequence[Path]) -> Iterator[Callable[[], Sample]]:
    """The samples of all shards in order; calling one raises UserError where its shard is damaged."""
    above = Path(os.path.commonpath([shard.absolute().parent for shard in shards]))
    for shard in shards:
        try:
            for sample in _samples(shard, shard.absolute().relative_to(above).as_posix()):
                yield partial(_given, sample)
        except (tarfile.TarError, OSError) as error:
            yield partial(_refuse, f"{shard} cannot be read as a tar that is not compressed ({error})")


def _samples(shard: Path, name: str) -> Iterator[Sample]:
    for key, group in itertools.groupby(_members(shard), key=lambda found: found[0]):
        yield Sample(f"{name}/{key}", {kind: member for _, kind, member in group})


def _members(shard: Path) -> Iterator[tuple[str, str, Member]]:
    """(key, what follows it, file); files without a dot and hidden ones belong to no sample."""
    end = 0
    with tarfile.open(shard, "r:") as archive:
        for info in archive:
            end = info.offset_data + -(-info.size // tarfile.BLOCKSIZE) * tarfile.BLOCKSIZE
            parts = re.fullmatch(r"((?:.*/)?[^./][^./]*)\.([^/]+)", info.name)
            if info.isfile() and parts:
                yield parts[1], parts[2].lower(), Member(shard, info.name, info.offset_data, info.size)
    with shard.open("rb") as file:
        file.seek(end)
        if file.read(tarfile.BLOCKSIZE) != bytes(tarfile.BLOCKSIZE):
            raise tarfile.ReadError("it is cut short: the end mark is missing")


def _given(sample: Sample) -> Sample:
    return sample


def _refuse(sentence: str) -> NoReturn:
    raise UserError(sentence)
