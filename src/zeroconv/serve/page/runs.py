"""The training runs below the folder that the server was started with: their names and their reports."""

import threading
from pathlib import Path

from zeroconv.errors import UserError, nearest
from zeroconv.training.report.page import page
from zeroconv.training.report.reading import read_run

_DEEPEST = 3
"""Folders below --runs in which a run may lie."""
_MOST = 500


class Runs:
    """What may be watched; a client names a run as it was listed, never a path."""

    def __init__(self, folder: Path | None) -> None:
        """folder: None where the server watches nothing."""
        self.folder = folder
        self._drawing = threading.Lock()

    def names(self) -> list[str]:
        """Each run's path below the folder, the one that was written last first."""
        if self.folder is None or not self.folder.is_dir():
            return []
        patterns = ["/".join(["*"] * depth + ["log.jsonl"]) for depth in range(1, _DEEPEST + 1)]
        logs = [log for pattern in patterns for log in self.folder.glob(pattern) if (log.parent / "run.json").is_file()]
        newest = sorted(logs, key=lambda log: log.stat().st_mtime, reverse=True)
        return [log.parent.relative_to(self.folder).as_posix() for log in newest[:_MOST]]

    def report(self, name: str) -> str:
        """The report of a run as it stands, as one HTML page; UserError for a name that was not listed."""
        names = self.names()
        if self.folder is None or name not in names:
            raise UserError(f"no training run {name!r} is here; {nearest(name, names)}")
        found = read_run(self.folder / name)
        with self._drawing:  # figures are heavy
            return page(found)
