"""Photographs to examples of a data set: what every process does, on this machine or on another.

Several pictures at once come out as each would alone, to 1/255, and one that cannot be used spoils no other.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from zeroconv import conditions
from zeroconv.conditions.device import find_device
from zeroconv.data.entry import Entry
from zeroconv.data.places import Place, read_place
from zeroconv.dataset.captions import describe
from zeroconv.dataset.plan import Plan
from zeroconv.errors import PictureError, UserError
from zeroconv.images import RESAMPLING, fit, read_image

PICTURES = "image"
ON_ACCELERATORS = 8
"""Pictures at once, so that there are several of one size, where some are upright and others are not."""
BATCH_HELP = (
    "pictures that a process takes at once; networks look at those of one size together "
    f"(default: {ON_ACCELERATORS} on an accelerator, 1 on a CPU, which is no faster with more)"
)


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


@dataclass(frozen=True)
class Annotated:
    """A condition image and where it came from."""

    image: np.ndarray
    """uint8 (H, W, 3)."""
    options: Mapping[str, Any]
    doubts: tuple[str, ...] = ()
    """What looks wrong about it."""


@dataclass(frozen=True)
class Made:
    """What is known of an example, and its picture and condition images by name."""

    row: dict[str, Any]
    pictures: dict[str, Image.Image]


def usual_batch_size(extractors: Iterable[conditions.Extractor]) -> int:
    """How many pictures a process takes at once: several where a network on an accelerator sees them side by side.

    A CPU gains nothing: two at once cost PiDiNet 1.2 times, four at once M-LSD 1.6 times what each costs alone.
    """
    sees_several = any(
        isinstance(extractor, conditions.ReadsMany)
        and getattr(extractor, "method", "") == "network"
        and find_device(getattr(extractor, "device", "auto")).type != "cpu"
        for extractor in extractors
    )
    return ON_ACCELERATORS if sees_several else 1


def check_batch_size(batch_size: int | None) -> None:
    """UserError for fewer than one picture at once."""
    if batch_size is not None and batch_size < 1:
        raise UserError(f"--batch-size must be at least 1, got {batch_size}")


def make_examples(plan: Plan, jobs: Sequence[Job]) -> list[Made | PictureError]:
    """The example that each job asks for, or why its picture cannot be used."""
    examples = [_begun(plan, job) for job in jobs]
    for name in plan.conditions:
        going = {place: example for place, example in enumerate(examples) if isinstance(example, Made)}
        pictures = [np.asarray(example.pictures[PICTURES]) for example in going.values()]
        found = _condition_images(plan, name, [jobs[place] for place in going], pictures)
        for (place, example), image in zip(going.items(), found, strict=True):
            examples[place] = image if isinstance(image, PictureError) else _with(example, name, image)
    return examples


def annotated(name: str, pictures: Sequence[np.ndarray], options: Mapping[str, Any]) -> list[Annotated | PictureError]:
    """The condition image of each picture uint8 (H, W, 3), together where its network can; or why it has none."""
    if not pictures:  # no network is loaded for nothing
        return []
    try:
        images = conditions.extract_many(conditions.create(name, **options), pictures)
    except PictureError as error:
        if len(pictures) == 1:
            return [error]
        return [one for picture in pictures for one in annotated(name, [picture], options)]
    return [Annotated(image, options, conditions.doubts(name, image)) for image in images]


def annotated_files(name: str, paths: Sequence[Path], options: Mapping[str, Any]) -> list[Annotated | PictureError]:
    """The same of files: pictures, and what else the condition reads."""
    found: dict[Path, Annotated | PictureError] = {}
    pictures: dict[Path, np.ndarray] = {}
    for path in paths:
        try:
            drawn = conditions.from_file(name, path, options)
            if drawn is None:
                pictures[path] = np.asarray(read_image(path))
            else:
                found[path] = Annotated(drawn, options, conditions.doubts(name, drawn))
        except PictureError as error:
            found[path] = error
    found |= zip(pictures, annotated(name, list(pictures.values()), options), strict=True)
    return [found[path] for path in paths]


def _begun(plan: Plan, job: Job) -> Made | PictureError:
    """An example without its condition images."""
    try:
        picture = fit(read_place(job.entry.picture), (plan.size, plan.size), plan.fit)
        text = describe(np.asarray(picture), plan.caption_weights) if plan.captions == "blip" else job.entry.caption
    except PictureError as error:
        return error
    return Made({"text": text}, {PICTURES: picture})


def _condition_images(
    plan: Plan, name: str, jobs: Sequence[Job], pictures: Sequence[np.ndarray]
) -> list[Annotated | PictureError]:
    """One image for each picture: that of the annotations where they have it, otherwise made from the picture."""
    found = {place: _known(plan, name, job.ready[name]) for place, job in enumerate(jobs) if name in job.ready}
    asked = [place for place in range(len(jobs)) if place not in found]
    for options, same in groupby(asked, lambda place: plan.options_for(name, jobs[place].entry.name)):
        places = list(same)
        found |= zip(places, annotated(name, [pictures[place] for place in places], options), strict=True)
    return [found[place] for place in range(len(jobs))]


def _known(plan: Plan, name: str, ready: Place) -> Annotated | PictureError:
    resample = RESAMPLING[conditions.kind(name).resize_filter]
    try:
        image = fit(read_place(ready), (plan.size, plan.size), plan.fit, resample=resample)
    except PictureError as error:
        return error
    return Annotated(np.asarray(image), {"source": "annotations"})


def _with(example: Made, name: str, made: Annotated) -> Made:
    told = {f"{name}_options": dict(made.options), f"{name}_doubts": list(made.doubts)}
    row = example.row | {key: value for key, value in told.items() if value}
    return Made(row, example.pictures | {name: Image.fromarray(made.image)})
