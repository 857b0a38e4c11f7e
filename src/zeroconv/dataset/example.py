"""One photograph to one example of a data set: what every process does, on this machine or on another."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from zeroconv import conditions
from zeroconv.data.entry import Entry
from zeroconv.data.places import Place, read_place
from zeroconv.dataset.captions import describe
from zeroconv.dataset.plan import Plan
from zeroconv.images import RESAMPLING, fit

PICTURES = "image"


@dataclass(frozen=True)
class Job:
    """One example to be made."""

    number: int
    """Its position in the list of the photographs."""
    entry: Entry
    file: str
    """The name of its files below the folders of pictures and conditions."""
    ready: Mapping[str, Place] = field(default_factory=dict)
    """The condition images that are known from annotations, by condition."""


def make_example(plan: Plan, job: Job) -> tuple[dict[str, Any], dict[str, Image.Image]]:
    """What is known of an example, and its picture and condition images by name.

    PictureError where the picture cannot be used.
    """
    entry, square = job.entry, (plan.size, plan.size)
    picture = fit(read_place(entry.picture), square, plan.fit)
    row: dict[str, Any] = {"text": entry.caption}
    if plan.captions == "blip":
        row["text"] = describe(np.asarray(picture), plan.caption_weights)
    pictures = {PICTURES: picture}
    for name in plan.conditions:
        if name in job.ready:
            resample = RESAMPLING[conditions.kind(name).resize_filter]
            pictures[name] = fit(read_place(job.ready[name]), square, plan.fit, resample=resample)
            row[f"{name}_options"] = {"source": "annotations"}
            continue
        options = plan.options_for(name, entry.name)
        made, doubts = annotated(name, np.asarray(picture), options)
        pictures[name] = Image.fromarray(made)
        if options:
            row[f"{name}_options"] = options
        if doubts:
            row[f"{name}_doubts"] = doubts
    return row, pictures


def annotated(name: str, source: np.ndarray | Path, options: dict[str, Any]) -> tuple[np.ndarray, list[str]]:
    """The condition image uint8 (H, W, 3) of a picture or a file, and what looks wrong about it."""
    with warnings.catch_warnings(record=True) as doubts:
        warnings.simplefilter("always", UserWarning)
        if isinstance(source, Path):
            made = conditions.annotate_file(name, source, options)
        else:
            made = conditions.annotate(name, source, options)
    return made, [str(doubt.message) for doubt in doubts]
