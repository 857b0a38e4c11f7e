"""A request back into the form: of a job that is here, or of a picture made anywhere."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zeroconv.errors import UserError
from zeroconv.images import check_fit
from zeroconv.request.files import file_sha256
from zeroconv.request.prompt_mode import prompt_modes
from zeroconv.request.record import SCHEMA, alone_record
from zeroconv.serve.jobs import Job, Jobs
from zeroconv.serve.page.form import OWN_SCHEDULER
from zeroconv.serve.page.loras import recorded_loras
from zeroconv.serve.page.restored_control import Find, restored_control
from zeroconv.serve.page.start import restored_start

_SEARCHED = 500
"""Jobs in which the pictures of a dropped picture's request are looked for, the newest first."""


@dataclass(frozen=True)
class Restored:
    """What goes into the form."""

    fields: Mapping[str, Any]
    """By the names of Form, without the stack."""
    controls: list[dict[str, Any]]
    """As the page's boards read them."""
    start: dict[str, Any] | None
    """The picture to start from, likewise."""
    notes: tuple[str, ...]
    """What could not be restored, in sentences."""


def run_record(jobs: Jobs, job: Job) -> dict[str, Any]:
    """A job's run.json; while there is none, its request."""
    file = jobs.folder(job.id) / "run.json"
    try:
        record: dict[str, Any] = json.loads(file.read_text("utf-8"))
    except FileNotFoundError:
        record = {**job.record}
    return record


def from_job(jobs: Jobs, id: str, index: int | None = None) -> Restored:
    """The request of a job, or of one of its pictures alone."""
    job = jobs.job(id)
    if job is None:
        raise UserError("this job is no longer here")
    record = run_record(jobs, job)
    if index is not None and 0 <= index < len(record["seeds"]):
        record = alone_record(record, index)
    folder = jobs.folder(id)
    return _restored(record, lambda of, name: _inside(folder, of.get(name)))


def from_text(jobs: Jobs, text: str, client: str | None) -> Restored:
    """The request in a picture's metadata; its pictures are found in a client's jobs, None: in all, by their hashes."""
    try:
        record = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UserError("this picture holds no request that can be read") from error
    if not isinstance(record, dict) or record.get("schema") != SCHEMA or not isinstance(record.get("controls"), list):
        raise UserError("this picture holds no request: it was not made by zeroconv")
    try:
        with_pictures = (record, *record["controls"])
        hashes = {str(each.get(f"{name}_sha256")) for each in with_pictures for name in ("image", "mask")}
        found = _pictures_by_hash(jobs, hashes - {"None"}, client)
        return _restored(record, lambda of, name: found.get(str(of.get(f"{name}_sha256"))))
    except (LookupError, TypeError, AttributeError, ArithmeticError) as error:
        raise UserError("the request in this picture is damaged") from error


def _restored(record: Mapping[str, Any], find: Find) -> Restored:
    start, notes = restored_start(record, find)
    restored = [restored_control(control, number, record, find) for number, control in enumerate(record["controls"], 1)]
    told = (*notes, *(note for _, of_control in restored for note in of_control), *_left_out(record))
    return Restored(_fields(record), [control for control, _ in restored], start, told)


def _left_out(record: Mapping[str, Any]) -> Iterator[str]:
    """What the page has no field for, though the request has it."""
    if any(isinstance(record.get(name), list) for name in ("prompt", "negative")):
        yield "there was a prompt for each picture; the first is set"
    if (record.get("prompt_mode") or "plain") not in prompt_modes():
        yield f"prompts were read as {record['prompt_mode']}, which this server cannot; they are read plain"


def _fields(record: Mapping[str, Any]) -> dict[str, Any]:
    base, seeds, mode = record.get("base"), record.get("seeds") or [0], record.get("prompt_mode")
    size, texts = record.get("size"), {name: record.get(name) or "" for name in ("prompt", "negative")}
    is_counted = list(seeds) == list(range(seeds[0], seeds[0] + len(seeds)))
    return {
        **{name: text if isinstance(text, str) else text[0] for name, text in texts.items()},
        "base": base.get("name") if isinstance(base, Mapping) else base,
        "size": f"{size[0]}x{size[1]}" if size else "",
        "steps": record.get("steps", 20),
        "guidance": "" if record.get("guidance") is None else f"{record['guidance']:g}",
        "scheduler": record.get("scheduler") or OWN_SCHEDULER,
        "speed": record.get("speed") or "exact",
        "fit": check_fit(record.get("fit") or "crop"),
        "prompt_mode": mode if mode in prompt_modes() else "plain",
        "seeds": str(seeds[0]) if is_counted else "/".join(map(str, seeds)),
        "count": len(seeds),
        "loras": recorded_loras(record),
    }


def _inside(folder: Path, name: object) -> Path | None:
    """A record's file, where it lies in the folder of its run."""
    if not isinstance(name, str):
        return None
    path = (folder / name).resolve()
    return path if path.is_relative_to(folder.resolve()) and path.is_file() else None


def _pictures_by_hash(jobs: Jobs, wanted: set[str], client: str | None) -> dict[str, Path]:
    """Of the hashes those whose pictures lie with a job that is here."""
    found: dict[str, Path] = {}
    for job in jobs.history(limit=_SEARCHED, client=client) if wanted else ():
        for path in sorted((jobs.folder(job.id) / "inputs").glob("*.png")):
            if len(found) == len(wanted):
                return found
            hash = file_sha256(path)
            if hash is not None and hash in wanted:
                found.setdefault(hash, path)
    return found
