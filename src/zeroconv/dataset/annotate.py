"""The condition images of a folder of pictures, each at its picture's size: on all cores, resumable, nothing twice.

What else a condition is made from counts as a picture: poses in OpenPose's JSON, depth in .npy.

DIR/.../NAME.png    the condition images, in the folders of their pictures
DIR/annotate.json   the condition and its options; with other options all images are made anew
DIR/done.jsonl      one line a picture as it is finished;  DIR/skipped.jsonl  what could not be read, and why
"""

import json
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from PIL import Image

from zeroconv import conditions
from zeroconv.data.listing import is_picture, pictures_in
from zeroconv.dataset.build import refuse_within
from zeroconv.dataset.example import Annotated, annotated_files, usual_batch_size
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

    def extractor(self) -> conditions.Extractor:
        """What makes the images."""
        return conditions.create(self.condition, **self.options)

    def describe(self) -> dict[str, Any]:
        """The condition and every option on which its images depend, as plain JSON values."""
        every = conditions.recorded(self.extractor())
        return {"kind": "annotations", "condition": self.condition, "options": every}


def annotate_folder(
    pictures: Path,
    out: Path,
    annotation: Annotation,
    *,
    workers: int = 1,
    overwrite: bool = False,
    batch_size: int | None = None,
) -> Iterator[Progress]:
    """Write the condition image of every picture below `pictures` to the same place below `out`, as PNG.

    overwrite: make those anew that are there already. batch_size: pictures that a process takes at once; None: as
    suits the condition. Yields at first and after each picture.
    UserError where `out` holds something else, or no picture could be used.
    """
    refuse_within(out, pictures)
    others = conditions.file_types(annotation.extractor())
    names = [path.relative_to(pictures).as_posix() for path in pictures_in(pictures, others)]
    if not names:
        expected = ", ".join(("PNG", "JPEG", "WebP", "BMP", "TIFF", *others))
        raise UserError(f"{pictures} holds no pictures; expected a folder with files of these types: {expected}")
    _claim(out, annotation.describe(), overwrite)
    files = _image_files(names)
    _tell_mixed(pictures, names)
    journal = Journal.open(out)
    waiting = [name for name in names if not _is_there(pictures, out, journal.done.get(name))]
    gone = (journal.done.keys() | journal.skipped.keys()) - set(names)
    journal.forget([*waiting, *gone])
    work = partial(_annotate, pictures, out, annotation)
    jobs = [(name, files[name]) for name in waiting]
    rows = results(work, jobs, workers, batch_size or usual_batch_size([annotation.extractor()]))
    yield from journal.follow(rows, len(names))
    journal.report()
    if not journal.done:
        reason = journal.skipped[min(journal.skipped)]["reason"]
        raise UserError(f"none of the {len(names)} pictures in {pictures} could be used ({out / SKIPPED}): {reason}")


def _image_files(names: Sequence[str]) -> dict[str, str]:
    """The name of each one's image: what shares its stem keeps its suffix, but a picture not for a file that is none,
    as what a camera or a website writes beside it.
    """
    pictures = [name for name in names if is_picture(name)]
    twins, picture_twins = _twins(names), _twins(pictures)
    return {name: file_name(name, picture_twins if is_picture(name) else twins) for name in names}


def _twins(names: Sequence[str]) -> set[str]:
    """The stems that several names have."""
    return {name for name, count in Counter(map(stem, names)).items() if count > 1}


def _tell_mixed(folder: Path, names: Sequence[str]) -> None:
    counts = Counter(Path(name).suffix.lower() for name in names if not is_picture(name))
    if counts and counts.total() < len(names):
        others = " and ".join(f"{count} {suffix} files" for suffix, count in sorted(counts.items()))
        warnings.warn(
            f"{folder} is mixed: {others} beside {len(names) - counts.total()} pictures, and each has an image; where "
            f"a picture has the same name, that of the file is called as NAME{min(counts)}.png",
            stacklevel=3,
        )


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
    """Size and time of a file; empty where it has gone since it was listed."""
    try:
        known = picture.stat()
    except OSError:
        return []
    return [known.st_size, known.st_mtime_ns]


def _annotate(pictures: Path, out: Path, annotation: Annotation, jobs: Sequence[tuple[str, str]]) -> list[Row]:
    """Write condition images -> their lines of the journal; or the pictures' names and why they are skipped."""
    paths = [pictures / name for name, _ in jobs]
    versions = [_version(path) for path in paths]
    found = annotated_files(annotation.condition, paths, annotation.options)
    return [_write(out, *job, version, one) for job, version, one in zip(jobs, versions, found, strict=True)]


def _write(out: Path, name: str, file: str, version: list[int], made: Annotated | PictureError) -> Row:
    try:
        if isinstance(made, PictureError):
            raise made
        (out / file).parent.mkdir(parents=True, exist_ok=True)
        save_png(Image.fromarray(made.image), out / file)
    except PictureError as error:
        return {"source": name, "reason": str(error)}
    row = {"source": name, "file_name": file, "picture": version}
    return {**row, "doubts": list(made.doubts)} if made.doubts else row
