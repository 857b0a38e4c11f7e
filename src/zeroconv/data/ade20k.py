"""ADE20K's release for scene parsing as a source: its label maps become segmentation images in its palette.

ROOT/images/SPLIT/*.jpg, ROOT/annotations/SPLIT/*.png with the classes 0 (unlabelled) to 150, SPLIT training or
validation, and ROOT/sceneCategories.txt, whose names of scenes serve as captions. Source: B. Zhou et al., "Scene
Parsing through ADE20K Dataset", CVPR 2017.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from zeroconv.conditions import ade20k
from zeroconv.data.entry import Entry, Read
from zeroconv.errors import PictureError, UserError

SCENES = "sceneCategories.txt"


@dataclass(frozen=True)
class LabelMap:
    """A grey PNG of class numbers, seen in the palette's colours."""

    file: Path

    def __str__(self) -> str:
        return str(self.file)

    def read(self) -> Image.Image:
        try:
            with Image.open(self.file) as image:
                mode, classes = image.mode, np.asarray(image)
        except Exception as error:  # decoders raise nearly everything on damaged files
            raise PictureError(f"{self.file} cannot be read as a map of classes ({error})") from error
        if mode not in ("L", "P"):
            raise PictureError(f"{self.file} is no map of classes: expected a grey PNG of 0 to 150, got mode {mode}")
        return Image.fromarray(ade20k.to_colours(classes))

    def fingerprint(self) -> str:
        return str(self.file.stat().st_size)


def find_split(place: Path) -> Path | None:
    """The folder of pictures ROOT/images/SPLIT that a place means; None where it is not ADE20K's.

    UserError where ROOT holds several splits.
    """
    if _labels(place) is not None:
        return place
    found = [split for split in sorted((place / "images").glob("*")) if _labels(split) is not None]
    if len(found) > 1:
        names = ", ".join(split.name for split in found)
        raise UserError(f"{place} holds the splits {names}; name the folder of one, as {found[0]}")
    return found[0] if found else None


def read_split(split: Path, condition: str) -> Iterator[Read]:
    """The examples of a split, by their names; for any condition but segmentation without ready images."""
    scenes, labels = _scenes(split.parent.parent / SCENES), _labels(split)
    assert labels is not None
    ready = labels if condition == "segmentation" else None
    return (partial(_entry, picture, scenes, ready) for picture in sorted(split.glob("*.jpg")))


def _entry(picture: Path, scenes: dict[str, str], labels: Path | None) -> Entry:
    label = None if labels is None else LabelMap(labels / f"{picture.stem}.png")
    if label is not None and not label.file.is_file():
        raise UserError(f"{picture} has no label map: expected {label.file}")
    return Entry(picture.name, picture, scenes.get(picture.stem, ""), label)


def _labels(split: Path) -> Path | None:
    """The folder of label maps that belongs to a folder of pictures."""
    labels = split.parent.parent / "annotations" / split.name
    return labels if split.parent.name == "images" and next(labels.glob("*.png"), None) is not None else None


def _scenes(file: Path) -> dict[str, str]:
    """The name of each picture's scene; `misc` says nothing."""
    if not file.is_file():
        return {}
    rows = (line.split() for line in file.read_text("utf-8").splitlines())
    return {row[0]: row[1].replace("_", " ") for row in rows if len(row) == 2 and row[1] != "misc"}
