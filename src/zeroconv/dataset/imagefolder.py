"""A data set as files, the layout that Hugging Face `datasets` reads as "imagefolder".

DIR/metadata.jsonl     written last: file_name, text, <condition>_file_name and <condition>_options
DIR/image/             the pictures;  DIR/<condition>/  their condition images; all PNG, since lossy formats blur edges
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from zeroconv.dataset.example import PICTURES, Job
from zeroconv.dataset.journal import Journal, Row
from zeroconv.images import save_png
from zeroconv.scenes.folder import write_lines

METADATA = "metadata.jsonl"


def write_files(out: Path, job: Job, row: Mapping[str, Any], pictures: Mapping[str, Image.Image]) -> Row:
    """Write one example -> its line of the journal and of the metadata."""
    files = {name: f"{name}/{job.file}" for name in pictures}
    for name, picture in pictures.items():
        path = out / files[name]
        path.parent.mkdir(parents=True, exist_ok=True)
        save_png(picture, path)
    named = {f"{name}_file_name": file for name, file in files.items() if name != PICTURES}
    return {"file_name": files[PICTURES], **row, **named, "source": job.entry.name}


@dataclass(frozen=True)
class Files:
    """The files of a folder."""

    out: Path
    jobs: Sequence[Job]

    def waiting(self, journal: Journal) -> list[Job]:
        """The jobs that are still to be done; what was skipped is tried again."""
        return [job for job in self.jobs if not self._is_there(journal.done.get(job.entry.name))]

    def follow(self, rows: Iterable[Row], journal: Journal) -> Iterator[Row]:
        """Passes the rows on."""
        yield from rows

    def finish(self, journal: Journal) -> None:
        """Write the metadata; the folder is complete then."""
        names = [job.entry.name for job in self.jobs]
        write_lines(self.out / METADATA, (journal.done[name] for name in names if name in journal.done))

    def _is_there(self, row: Row | None) -> bool:
        if row is None:
            return False
        return all((self.out / value).is_file() for key, value in row.items() if key.endswith("file_name"))
