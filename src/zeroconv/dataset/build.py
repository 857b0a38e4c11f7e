"""Photographs to a data set, on all cores: it may be killed at any moment and goes on without redoing or losing any.

DIR/metadata.jsonl     Hugging Face imagefolder: file_name, text, <condition>_file_name and <condition>_options
DIR/image/             the pictures;  DIR/<condition>/  their condition images; all PNG, since lossy formats blur edges
DIR/skipped.jsonl      pictures that could not be read, and why
DIR/done.jsonl         one line an example as it is finished: what a continued run need not do again
DIR/export.json        the plan; a folder with another plan is refused
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from zeroconv.data.listing import Entry, list_folder
from zeroconv.dataset.example import Job, make_example
from zeroconv.dataset.journal import SKIPPED, Journal, Progress, Row
from zeroconv.dataset.plan import Plan, file_name, stem
from zeroconv.dataset.pool import results
from zeroconv.errors import UserError
from zeroconv.scenes.folder import claim, write_lines

METADATA = "metadata.jsonl"


def build(photos: Path, out: Path, plan: Plan, *, workers: int = 1) -> Iterator[Progress]:
    """Build the data set of `photos` in `out`; yields after each picture.

    workers: processes; 0 does all in this one. The bytes do not depend on it.
    UserError where `out` holds something else, or no picture could be read.
    """
    entries = list_folder(photos, "custom").entries
    refuse_within(out, photos)
    claim(out, plan.describe())
    journal = Journal.open(out)
    jobs = [Job(number, entry, file) for number, (entry, file) in enumerate(_named(entries))]
    waiting = [job for job in jobs if not _is_there(out, journal.done.get(job.entry.name))]
    journal.forget(job.entry.name for job in waiting)
    yield from journal.follow(results(partial(make_example, out, plan), waiting, workers), len(entries))
    journal.report()
    if not journal.done:
        raise UserError(f"none of the {len(entries)} pictures in {photos} could be read; {out / SKIPPED} says why")
    write_lines(out / METADATA, (journal.done[entry.name] for entry in entries if entry.name in journal.done))


def refuse_within(out: Path, photos: Path) -> None:
    """UserError where what is written to `out` would be read as more photographs."""
    if out.resolve().is_relative_to(photos.resolve()):
        raise UserError(
            f"{out} lies within {photos}, whose pictures it would take for more photographs; choose another"
        )


def _named(entries: Sequence[Entry]) -> Iterator[tuple[Entry, str]]:
    """Each entry and the name of its files: stems that several have keep their suffix."""
    counts = Counter(stem(entry.name) for entry in entries)
    twins = {name for name, count in counts.items() if count > 1}
    return ((entry, file_name(entry.name, twins)) for entry in entries)


def _is_there(out: Path, row: Row | None) -> bool:
    return row is not None and all((out / value).is_file() for key, value in row.items() if key.endswith("file_name"))
