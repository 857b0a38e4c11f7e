"""The condition images of a folder of pictures, each at its picture's size: on all cores, resumable, nothing twice.

DIR/.../NAME.png    the condition images, in the folders of their pictures
DIR/annotate.json   the condition and its options; with other options all images are made anew
DIR/done.jsonl      one line a picture as it is finished;  DIR/skipped.jsonl  what could not be read, and why
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from PIL import Image

from zeroconv import conditions
from zeroconv.data.listing import pictures_in
from zeroconv.dataset.build import refuse_within
from zeroconv.dataset.example import annotated
from zeroconv.dataset.journal import DONE, SKIPPED, Journal, Progress, Row
from zeroconv.dataset.plan import file_name, stem
from zeroconv.dataset.pool import results
from zeroconv.errors import PictureError, UserError
from zeroconv.images import atomic_write, save_png

RECORD = "annotate.json"


@dataclass(frozen=True)
class Annotation:
    """How the condition image of every picture is made."""

    condition: str
    """Canonical name; it must be one that can be made from a picture."""
    options: Mapping[str, Any]
    """Those that are not left at their default."""

    def describe(self) -> dict[str, Any]:
        """The condition and every option on which its images depend, as plain JSON values."""
        every = conditions.recorded(conditions.create(self.condition, **self.options))
        return {"kind": "annotations", "condition": self.condition, "options": every}


def annotate_folder(
    pictures: Path, out: Path, annotation: Annotation, *, workers: int = 1, overwrite: bool = False
) -> Iterator[Progress]:
    """Write the condition image of every picture below `pictures` to the same place below `out`, as PNG.

    overwrite: make those anew that are there already. Yields at first and after each picture.
    UserError where `out` holds something else, or no picture could be used.
    """
    refuse_within(out, pictures)
    names = [path.relative_to(pictures).as_posix() for path in pictures_in(pictures)]
    if not names:
        raise UserError(f"{pictures} holds no pictures; expected a folder with PNG, JPEG, WebP, BMP or TIFF files")
    _claim(out, annotation.describe(), overwrite)
    twins = {name for name, count in Counter(map(stem, names)).items() if count > 1}
    journal = Journal.open(out)
    waiting = [name for name in names if not _is_there(pictures, out, journal.done.get(name))]
    gone = (journal.done.keys() | journal.skipped.keys()) - set(names)
    journal.forget([*waiting, *gone])
    work = partial(_annotate, pictures, out, annotation)
    jobs = [(name, file_name(name, twins)) for name in waiting]
    yield from journal.follow(results(work, jobs, workers), len(names))
    journal.report()
    if not journal.done:
        reason = journal.skipped[min(journal.skipped)]["reason"]
        raise UserError(f"none of the {len(names)} pictures in {pictures} could be used ({out / SKIPPED}): {reason}")


def _claim(out: Path, described: Mapping[str, Any], overwrite: bool) -> None:
    """Make `out` the place of these annotations; what it holds counts for nothing where they differ."""
    record = out / RECORD
    if out.exists() and not out.is_dir():
        raise UserError(f"--out {out} is a file; for a folder of pictures it must be a folder")
    if out.is_dir() and not record.is_file() and any(out.iterdir()):
        raise UserError(f"{out} is not empty and holds no {RECORD}; expected a new or empty folder, or one to go on")
    if overwrite or not record.is_file() or _read(record) != described:
        (out / DONE).unlink(missing_ok=True)  # before the record: a run that is killed here forgets, and repeats
        out.mkdir(parents=True, exist_ok=True)
        with atomic_write(record) as part:
            part.write_text(json.dumps(described, indent=2) + "\n", encoding="utf-8")


def _read(record: Path) -> object:
    try:
        return json.loads(record.read_text("utf-8"))
    except ValueError:
        return None


def _is_there(pictures: Path, out: Path, row: Row | None) -> bool:
    """Whether the image of a picture was made, lies there still, and the picture is the same file as then."""
    if row is None or not (out / row["file_name"]).is_file():
        return False
    return bool(row["picture"] == _version(pictures / row["source"]))


def _version(picture: Path) -> list[int]:
    known = picture.stat()
    return [known.st_size, known.st_mtime_ns]


def _annotate(pictures: Path, out: Path, annotation: Annotation, job: tuple[str, str]) -> Row:
    """Write one condition image -> its line of the journal; or the picture's name and why it is skipped."""
    name, file = job
    version = _version(pictures / name)
    try:
        made, doubts = annotated(annotation.condition, pictures / name, dict(annotation.options))
    except PictureError as error:
        return {"source": name, "reason": str(error)}
    (out / file).parent.mkdir(parents=True, exist_ok=True)
    save_png(Image.fromarray(made), out / file)
    row = {"source": name, "file_name": file, "picture": version}
    return {**row, "doubts": doubts} if doubts else row
