"""Photographs to a data set, on all cores: it may be killed at any moment and goes on without redoing or losing any.

DIR/metadata.jsonl     Hugging Face imagefolder: file_name, text, <condition>_file_name and <condition>_options
DIR/image/             the pictures;  DIR/<condition>/  their condition images; all PNG, since lossy formats blur edges
DIR/skipped.jsonl      pictures that could not be read, and why
DIR/done.jsonl         one line an example as it is finished: what a continued run need not do again
DIR/export.json        the plan; a folder with another plan is refused
"""

import json
import multiprocessing
import os
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from PIL import Image

from zeroconv import conditions
from zeroconv.data.listing import Entry, list_folder
from zeroconv.dataset.plan import Plan, file_name
from zeroconv.errors import UserError
from zeroconv.images import fit, read_image, save_png
from zeroconv.scenes.folder import claim, write_lines

METADATA, SKIPPED, DONE = "metadata.jsonl", "skipped.jsonl", "done.jsonl"
PICTURES = "image"
WAITING = 4
"""Pictures in work or waiting for each process: enough that none is idle."""

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Progress:
    """How far a build has come."""

    done: int
    """Examples that are finished, those of earlier runs included."""
    skipped: int
    total: int


def build(photos: Path, out: Path, plan: Plan, *, workers: int = 1) -> Iterator[Progress]:
    """Build the data set of `photos` in `out`; yields after each picture.

    workers: processes; 0 does all in this one. The bytes do not depend on it.
    UserError where `out` holds something else, or no picture could be read.
    """
    entries = list_folder(photos, "custom").entries
    if out.resolve().is_relative_to(photos.resolve()):
        raise UserError(
            f"{out} lies within {photos}, whose pictures it would take for more photographs; choose another"
        )
    claim(out, plan.describe())
    twins = {stem for stem, count in Counter(_stem(entry) for entry in entries).items() if count > 1}
    rows = {row["source"]: row for row in _finished(out / DONE)}
    waiting = [entry for entry in entries if entry.name not in rows or not _is_there(out, rows[entry.name])]
    skipped: list[Row] = []
    count = len(entries) - len(waiting)
    yield Progress(count, 0, len(entries))
    with (out / DONE).open("a", encoding="utf-8") as done:
        for row in _results(out, plan, [(entry, file_name(entry.name, twins)) for entry in waiting], workers):
            if "reason" in row:
                skipped.append(row)
            else:
                rows[row["source"]] = row
                done.write(json.dumps(row) + "\n")
                done.flush()
                count += 1
            yield Progress(count, len(skipped), len(entries))
    if not rows:
        raise UserError(f"none of the {len(entries)} pictures in {photos} could be read; {out / SKIPPED} says why")
    write_lines(out / SKIPPED, sorted(skipped, key=lambda row: str(row["source"])))
    write_lines(out / METADATA, (rows[entry.name] for entry in entries if entry.name in rows))


def _stem(entry: Entry) -> str:
    return PurePosixPath(entry.name).with_suffix("").as_posix()


def _finished(path: Path) -> Iterator[Row]:
    """The rows of an earlier run; a last line that was cut short counts for nothing."""
    if path.is_file():
        for line in path.read_text("utf-8").splitlines():
            try:
                yield json.loads(line)
            except json.JSONDecodeError:
                continue


def _is_there(out: Path, row: Row) -> bool:
    return all((out / value).is_file() for key, value in row.items() if key.endswith("file_name"))


def _results(out: Path, plan: Plan, jobs: list[tuple[Entry, str]], workers: int) -> Iterator[Row]:
    """Each job's row, in whatever order they are finished."""
    if workers < 1 or not jobs:
        yield from (_example(out, plan, *job) for job in jobs)
        return
    try:
        with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), _one_thread) as pool:
            running: set[Future[Row]] = set()
            for job in jobs:
                running.add(pool.submit(_example, out, plan, *job))
                if len(running) >= WAITING * workers:
                    finished, running = wait(running, return_when=FIRST_COMPLETED)
                    yield from (future.result() for future in finished)
            yield from (future.result() for future in running)
    except BrokenProcessPool as error:
        raise UserError(
            "a process was killed, perhaps for want of memory; the same command with fewer --workers goes on"
        ) from error


def _one_thread() -> None:
    """Processes share the cores; their libraries' threads would only wait for each other."""
    import torch

    os.environ["OMP_NUM_THREADS"] = "1"
    torch.set_num_threads(1)


def _example(out: Path, plan: Plan, entry: Entry, file: str) -> Row:
    """Write one picture with its conditions -> its row of the metadata; or its source and why it is skipped."""
    try:
        picture = fit(read_image(entry.picture), (plan.size, plan.size), plan.fit)
    except UserError as error:
        return {"source": entry.name, "reason": str(error)}
    row: dict[str, Any] = {"file_name": f"{PICTURES}/{file}", "text": entry.caption if plan.has_captions else ""}
    _write(picture, out / row["file_name"])
    for name in plan.conditions:
        options = plan.options_for(name, entry.name)
        with warnings.catch_warnings(record=True) as doubts:
            warnings.simplefilter("always")
            made = conditions.annotate(name, np.asarray(picture), options)
        row[f"{name}_file_name"] = f"{name}/{file}"
        if options:
            row[f"{name}_options"] = options
        if doubts:
            row[f"{name}_doubts"] = [str(doubt.message) for doubt in doubts]
        _write(Image.fromarray(made), out / name / file)
    return {**row, "source": entry.name}


def _write(picture: Image.Image, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    save_png(picture, path)
