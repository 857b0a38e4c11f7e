"""Photographs to a data set, on all cores: it may be killed at any moment and goes on without redoing or losing any.

The examples lie as imagefolder.py or shards.py says; beside them
DIR/skipped.jsonl      pictures that could not be read, and why
DIR/done.jsonl         one line an example as it is finished: what a continued run need not do again
DIR/export.json        the plan; a folder with another plan is refused
"""

import hashlib
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from zeroconv.data.entry import Entry
from zeroconv.data.listing import ANNOTATED, list_folder
from zeroconv.data.places import Place
from zeroconv.dataset.captions import captioned
from zeroconv.dataset.example import Job, Made, make_examples, usual_batch_size
from zeroconv.dataset.imagefolder import Files, write_files
from zeroconv.dataset.journal import SKIPPED, Journal, Progress, Row
from zeroconv.dataset.plan import Plan, file_name, stem
from zeroconv.dataset.pool import results
from zeroconv.dataset.ray_pool import ray_results
from zeroconv.dataset.shards import Shards, write_part
from zeroconv.errors import PictureError, UserError
from zeroconv.scenes.folder import claim

WRITERS = {"imagefolder": write_files, "webdataset": write_part}


def build(
    photos: Path,
    out: Path,
    plan: Plan,
    *,
    workers: int = 1,
    cluster: str | None = None,
    batch_size: int | None = None,
) -> Iterator[Progress]:
    """Build the data set of `photos` in `out`; yields at first and after each picture.

    workers  processes; 0 does all in this one. The bytes do not depend on it.
    cluster  address of a Ray cluster that does the work, empty for one on this machine; None: no Ray
    batch_size  pictures that a process takes at once; None: as suits the conditions, 1 on a cluster
    UserError where `out` holds something else, or no picture could be read.
    """
    if cluster is not None:  # other machines have other working directories
        photos, out = photos.absolute(), out.absolute()
    known = _known(photos, plan)
    listed = captioned(list_folder(photos, "custom"), photos, plan.captions)
    entries = [entry for entry in listed if all(entry.name in images for images in known.values())]
    refuse_within(out, photos)
    claim(out, {**plan.describe(), **({"annotated": sorted(known)} if known else {}), **_order(plan, entries)})
    journal = Journal.open(out)
    jobs = [
        Job(number, entry, file, {name: images[entry.name] for name, images in known.items()})
        for number, (entry, file) in enumerate(_named(entries))
    ]
    layout = Shards(out, plan.shard_size, jobs) if plan.layout == "webdataset" else Files(out, jobs)
    waiting = layout.waiting(journal)
    journal.forget(job.entry.name for job in waiting)
    work = partial(run_jobs, out, plan)
    if cluster is None:
        rows = results(work, waiting, workers, batch_size or usual_batch_size(plan.extractors()))
    else:
        rows = ray_results(work, waiting, cluster, workers, batch_size or 1)
    yield from journal.follow(layout.follow(rows, journal), len(entries))
    journal.report()
    if not journal.done:
        raise UserError(f"none of the {len(entries)} pictures in {photos} could be read; {out / SKIPPED} says why")
    layout.finish(journal)


def run_jobs(out: Path, plan: Plan, jobs: Sequence[Job]) -> list[Row]:
    """Make and write examples -> their lines of the journal; or their sources and why they are skipped."""
    return [_write(out, plan, job, example) for job, example in zip(jobs, make_examples(plan, jobs), strict=True)]


def refuse_within(out: Path, photos: Path) -> None:
    """UserError where what is written to `out` would be read as more photographs."""
    if out.resolve().is_relative_to(photos.resolve()):
        raise UserError(
            f"{out} lies within {photos}, whose pictures it would take for more photographs; choose another"
        )


def _write(out: Path, plan: Plan, job: Job, example: Made | PictureError) -> Row:
    try:
        if isinstance(example, PictureError):
            raise example
        return WRITERS[plan.layout](out, job, example.row, example.pictures)
    except PictureError as error:
        return {"source": job.entry.name, "reason": str(error)}


def _known(photos: Path, plan: Plan) -> dict[str, dict[str, Place]]:
    """The condition images that the annotations of `photos` tell, by condition and picture.

    A condition for which there are options is made from the pictures. Where one is known, pictures without it (as
    those without persons, for poses) are left out.
    """
    known: dict[str, dict[str, Place]] = {}
    for name in plan.conditions:
        listing = None if plan.options.get(name) else list_folder(photos, name)
        if listing is None or listing.layout not in ANNOTATED:
            continue
        images = {entry.name: entry.condition for entry in listing.entries if entry.condition is not None}
        if images:
            known[name] = images
    return known


def _named(entries: Sequence[Entry]) -> Iterator[tuple[Entry, str]]:
    """Each entry and the name of its files: stems that several have keep their suffix."""
    counts = Counter(stem(entry.name) for entry in entries)
    twins = {name for name, count in counts.items() if count > 1}
    return ((entry, file_name(entry.name, twins)) for entry in entries)


def _order(plan: Plan, entries: Sequence[Entry]) -> dict[str, Any]:
    """Which pictures there are: shards number their examples, so that their list must stay as it is."""
    if plan.layout != "webdataset":
        return {}
    names = "\n".join(entry.name for entry in entries)
    return {
        "pictures": f"{len(entries)}, whose names have the sha256 {hashlib.sha256(os.fsencode(names)).hexdigest()[:16]}"
    }
