"""What a data set is built from and how: everything that decides its bytes but the pictures themselves."""

import hashlib
import os
import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any, Literal, get_args

from zeroconv import conditions
from zeroconv.conditions import Extractor
from zeroconv.dataset.captions import WEIGHTS
from zeroconv.errors import UserError, nearest
from zeroconv.images import Fit, check_fit

SMALLEST_SIZE, LARGEST_SIZE = 16, 4096
RANDOM_LOW, RANDOM_GAP = (40, 160), (40, 160)
"""Canny's lower threshold, and how much higher the upper one is, where thresholds are drawn anew for each picture."""

SHARD_SIZE = 1000
"""About half a gigabyte of pictures of 512 pixels with a condition."""
Layout = Literal["imagefolder", "webdataset"]
Captions = Literal["folder", "sidecar", "jsonl", "blip", "none"]


@dataclass(frozen=True)
class Plan:
    """How each picture becomes an example."""

    conditions: tuple[str, ...]
    """Names or aliases; each must be one that can be made from a picture."""
    size: int = 512
    """Pixels of a side; pictures become squares."""
    fit: Fit = "crop"
    options: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Options of the conditions, by name."""
    random_canny: bool = False
    """Draw Canny's thresholds for each picture, from its name, instead of using one pair for all."""
    captions: Captions = "folder"
    """folder: those that the layout has; sidecar: text files beside the pictures; jsonl: a list, as metadata.jsonl or
    prompt.json; blip: said by BLIP, of the picture as it is cut; none: all empty."""
    caption_weights: str = WEIGHTS
    """Folder or hub id of a BLIP network."""
    layout: Layout = "imagefolder"
    """Files in folders, or tar shards."""
    shard_size: int = SHARD_SIZE
    """Examples of a tar shard at most."""

    def __post_init__(self) -> None:
        check_fit(self.fit)
        if not SMALLEST_SIZE <= self.size <= LARGEST_SIZE:
            raise UserError(f"expected a size from {SMALLEST_SIZE} to {LARGEST_SIZE} pixels, got {self.size}")
        if self.captions not in get_args(Captions):
            raise UserError(f"unknown captions {self.captions!r}; {nearest(self.captions, get_args(Captions))}")
        if self.layout not in get_args(Layout):
            raise UserError(f"unknown layout {self.layout!r}; {nearest(self.layout, get_args(Layout))}")
        if self.shard_size < 1:
            raise UserError(f"expected a shard size of at least 1 example, got {self.shard_size}")
        names = tuple(dict.fromkeys(conditions.canonical(name) for name in self.conditions))
        if not names:
            raise UserError(f"expected at least one condition, of {', '.join(conditions.extractable())}")
        options = {conditions.canonical(name): dict(given) for name, given in self.options.items()}
        if unused := options.keys() - set(names):
            raise UserError(f"options are given for {sorted(unused)[0]}, which is not among the conditions")
        if self.random_canny and ("canny" not in names or "canny" in options):
            raise UserError("random thresholds need canny among the conditions, and no thresholds of your own for it")
        for name in names:
            conditions.create(name, **options.get(name, {}))
        object.__setattr__(self, "conditions", names)
        object.__setattr__(self, "options", options)

    def extractors(self) -> list[Extractor]:
        """What makes each condition from a picture."""
        return [conditions.create(name, **self.options.get(name, {})) for name in self.conditions]

    def describe(self) -> dict[str, Any]:
        """The plan as plain JSON values, every option of every condition included."""
        extractors = zip(self.conditions, self.extractors(), strict=True)
        known = {name: conditions.recorded(extractor) for name, extractor in extractors}
        if self.random_canny:
            known["canny"] = {"low": list(RANDOM_LOW), "above_low": list(RANDOM_GAP)}
        shards = {"layout": self.layout, "shard_size": self.shard_size} if self.layout == "webdataset" else {}
        return {
            "kind": "dataset",
            "size": self.size,
            "fit": self.fit,
            "conditions": known,
            "captions": self.captions,
            **({"caption_weights": self.caption_weights} if self.captions == "blip" else {}),
            **shards,
        }

    def options_for(self, condition: str, name: str) -> dict[str, Any]:
        """The options of a condition for the picture called `name`."""
        if condition == "canny" and self.random_canny:
            dice = random.Random(hashlib.sha256(os.fsencode(f"zeroconv-canny-{name}")).digest())
            low = dice.randint(*RANDOM_LOW)
            return {"low": low, "high": low + dice.randint(*RANDOM_GAP)}
        return dict(self.options.get(condition, {}))


def file_name(name: str, taken: set[str]) -> str:
    """A PNG's name below a condition's folder for the picture called `name`: unique, and the same in every run.

    `taken` holds the stems that more than one picture has; these keep their suffix in the name.
    """
    return f"{name if stem(name) in taken else stem(name)}.png"


def stem(name: str) -> str:
    """A picture's name without its suffix."""
    return PurePosixPath(name).with_suffix("").as_posix()
