"""A data set as tar shards, the layout of WebDataset: each as it will stay, or not there at all.

DIR/shard-000000.tar   `shard_size` examples each, in the order of the photographs; of one example
                       KEY.png, KEY.txt, KEY.<condition>.png and KEY.json (source, options, doubts)
DIR/index.json         written last: how many examples each shard holds, as WebDataset's own index
DIR/parts/             while it is built: the examples of shards that are not complete yet

A part is already the piece of the tar file that it will be, so that packing a shard copies bytes and nothing else.
"""

import io
import json
import shutil
import tarfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from PIL import Image

from zeroconv.data.webdataset import INDEX
from zeroconv.dataset.example import PICTURES, Job
from zeroconv.dataset.journal import Journal, Row
from zeroconv.images import atomic_write

PARTS = "parts"
END = bytes(2 * tarfile.BLOCKSIZE)


def write_part(out: Path, job: Job, row: Mapping[str, Any], pictures: Mapping[str, Image.Image]) -> Row:
    """Write one example as the piece of a tar file -> its line of the journal."""
    key = f"{job.number:08d}"
    about = json.dumps({"source": job.entry.name, **row}, ensure_ascii=False)
    members = {
        f"{key}.png": _png(pictures[PICTURES]),
        f"{key}.txt": row["text"].encode(),
        **{f"{key}.{name}.png": _png(picture) for name, picture in pictures.items() if name != PICTURES},
        f"{key}.json": about.encode(errors="backslashreplace"),  # names need not be text; then JSON's own escapes
    }
    path = _part(out, job)
    path.parent.mkdir(exist_ok=True)
    with atomic_write(path) as part:
        part.write_bytes(b"".join(_member(name, content) for name, content in members.items()))
    return {"source": job.entry.name, "key": key}


@dataclass
class Shards:
    """The shards of a folder, each packed as soon as its last example is done."""

    out: Path
    size: int
    jobs: Sequence[Job]
    missing: dict[int, int] = field(default_factory=dict)
    """How many examples each shard that is not packed still lacks, by its number."""

    def waiting(self, journal: Journal) -> list[Job]:
        """The jobs that are still to be done; shards of which the journal does not know everything count for nothing.

        What was skipped is tried again until its shard is packed.
        """
        known = journal.done.keys() | journal.skipped.keys()
        for number in range(0, len(self.jobs), self.size):
            shard, jobs = self._shard(number // self.size), self.jobs[number : number + self.size]
            if shard.is_file() and not all(job.entry.name in known for job in jobs):
                shard.unlink()
        waiting = [job for job in self.jobs if not self._is_there(job, journal)]
        self.missing = {job.number // self.size: 0 for job in self.jobs if not self._is_packed(job)}
        for job in waiting:
            self.missing[job.number // self.size] += 1
        return waiting

    def follow(self, rows: Iterable[Row], journal: Journal) -> Iterator[Row]:
        """Passes the rows on; packs a shard once the journal has the last of its examples."""
        places = {job.entry.name: job.number // self.size for job in self.jobs}
        for number in [number for number, lacks in self.missing.items() if not lacks]:
            self._pack(number, journal)
        for row in rows:
            yield row
            number = places[row["source"]]
            self.missing[number] -= 1
            if not self.missing[number]:
                self._pack(number, journal)

    def finish(self, journal: Journal) -> None:
        """Write the index; the folder is complete then."""
        for job in self.jobs:  # of shards that were packed when the run was killed
            _part(self.out, job).unlink(missing_ok=True)
        shutil.rmtree(self.out / PARTS, ignore_errors=True)
        counts: dict[str, int] = {}
        for job in self.jobs:
            if job.entry.name in journal.done:
                shard = self._shard(job.number // self.size).name
                counts[shard] = counts.get(shard, 0) + 1
        shards = [{"url": name, "nsamples": count} for name, count in sorted(counts.items())]
        with atomic_write(self.out / INDEX) as part:
            part.write_text(json.dumps({"wids_version": 1, "shardlist": shards}, indent=2) + "\n", encoding="utf-8")

    def _pack(self, number: int, journal: Journal) -> None:
        jobs = self.jobs[number * self.size : (number + 1) * self.size]
        parts = [_part(self.out, job) for job in jobs if job.entry.name in journal.done]
        if not parts:
            return
        with atomic_write(self._shard(number)) as temporary, temporary.open("wb") as shard:
            for part in parts:
                with part.open("rb") as piece:
                    shutil.copyfileobj(piece, shard)
            shard.write(END)
        for part in parts:
            part.unlink()

    def _is_there(self, job: Job, journal: Journal) -> bool:
        return self._is_packed(job) or (job.entry.name in journal.done and _part(self.out, job).is_file())

    def _is_packed(self, job: Job) -> bool:
        return self._shard(job.number // self.size).is_file()

    def _shard(self, number: int) -> Path:
        return self.out / f"shard-{number:06d}.tar"


def _part(out: Path, job: Job) -> Path:
    return out / PARTS / f"{job.number:08d}.part"


def _member(name: str, content: bytes) -> bytes:
    """One file of a tar: header, content and padding, without date or owner, so that bytes repeat."""
    header = tarfile.TarInfo(name)
    header.size = len(content)
    padding = -len(content) % tarfile.BLOCKSIZE
    return header.tobuf(tarfile.USTAR_FORMAT) + content + bytes(padding)


def _png(picture: Image.Image) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, format="PNG")
    return buffer.getvalue()
