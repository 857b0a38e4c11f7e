"""A folder that is being filled with generated pictures: safe to interrupt, safe to continue, never two sets in one."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from zeroconv.errors import UserError
from zeroconv.images import atomic_write

SETTINGS = "export.json"
SCHEMA = 1


def claim(folder: Path, settings: Mapping[str, Any]) -> None:
    """Make `folder` the place of the set that `settings` describe, or continue it.

    UserError where it holds a set with other settings, or files that nobody here wrote.
    """
    wanted = {"schema": SCHEMA, **settings}
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{folder} is a file; expected a folder to write to")
    remembered = folder / SETTINGS
    if remembered.is_file():
        _refuse_other_settings(folder, _read(remembered), wanted)
        return
    if folder.is_dir() and any(folder.iterdir()):
        raise UserError(f"{folder} is not empty and was not written by zeroconv; expected a new or empty folder")
    folder.mkdir(parents=True, exist_ok=True)
    with atomic_write(remembered) as part:
        part.write_text(json.dumps(wanted, indent=2) + "\n", encoding="utf-8")


def write_lines(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """JSON lines, written in one step."""
    with atomic_write(path) as part:
        part.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def count_lines(path: Path) -> int:
    """How many lines a list has; 0 where there is no list yet."""
    return len(path.read_text(encoding="utf-8").splitlines()) if path.is_file() else 0


def refuse_to_shrink(folder: Path, complete: Path, count: int) -> None:
    """UserError where the list `complete` names more examples than asked for now."""
    there = count_lines(complete)
    if there > count:
        raise UserError(f"{folder} already holds {there} examples; expected a count of at least that, got {count}")


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise UserError(f"{path} is damaged ({error}); delete the folder or choose another") from error
    if not isinstance(found, dict):
        raise UserError(f"{path} is damaged (expected a JSON object); delete the folder or choose another")
    return found


def _refuse_other_settings(folder: Path, found: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    other = [
        f"{key} {found.get(key)!r} (asked for now: {wanted[key]!r})" for key in wanted if found.get(key) != wanted[key]
    ]
    if other:
        raise UserError(f"{folder} holds another set: {', '.join(other)}; choose another folder")
