"""What of a set is finished: one line an example as it is done, so that a run may be killed at any moment and goes on.

DIR/done.jsonl     a line an example: its source and what came of it, or the reason why it was skipped
DIR/skipped.jsonl  written at the end: the pictures that could not be used, and why
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from zeroconv.scenes.folder import write_lines

DONE, SKIPPED = "done.jsonl", "skipped.jsonl"

Row = Mapping[str, Any]
"""What came of one picture: `source`, its name, and either what was made or the `reason` why nothing was."""


@dataclass(frozen=True)
class Progress:
    """How far a run has come."""

    done: int
    """Examples that are finished, those of earlier runs included."""
    skipped: int
    total: int


@dataclass
class Journal:
    """The finished and the skipped examples of a folder, by source."""

    folder: Path
    done: dict[str, Row] = field(default_factory=dict)
    skipped: dict[str, Row] = field(default_factory=dict)

    @classmethod
    def open(cls, folder: Path) -> "Journal":
        """What earlier runs wrote; a last line that was cut short counts for nothing."""
        journal = cls(folder)
        for row in _rows(folder / DONE):
            journal._note(row)
        return journal

    def forget(self, sources: Iterable[str]) -> None:
        """Take examples as never made."""
        for source in sources:
            self.done.pop(source, None)
            self.skipped.pop(source, None)

    def follow(self, rows: Iterable[Row], total: int) -> Iterator[Progress]:
        """Writes down each row as it comes; yields where the run stands at first and after each."""
        yield Progress(len(self.done), len(self.skipped), total)
        with (self.folder / DONE).open("a", encoding="utf-8") as file:
            if file.tell():
                file.write("\n")  # closes a line that was cut short
            for row in rows:
                self._note(row)
                file.write(json.dumps(row) + "\n")
                file.flush()
                yield Progress(len(self.done), len(self.skipped), total)

    def report(self) -> None:
        """Write the list of what was skipped."""
        write_lines(self.folder / SKIPPED, (self.skipped[source] for source in sorted(self.skipped)))

    def _note(self, row: Row) -> None:
        self.forget([row["source"]])
        (self.skipped if "reason" in row else self.done)[row["source"]] = row


def _rows(path: Path) -> Iterator[Row]:
    if path.is_file():
        for line in path.read_text("utf-8").splitlines():
            try:
                row = json.loads(line)
            except json.JSONDecodeError:
                continue
            if isinstance(row, dict) and "source" in row:
                yield row
