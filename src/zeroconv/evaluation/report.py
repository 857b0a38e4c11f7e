"""What an evaluation found: a table for people, a JSON file for machines, one CSV line a picture.

A report keeps apart what was measured (the subject: names and hashes of the networks), how (the protocol: every number
that the result depends on) and where (the environment: versions). Two results may be compared if and only if their
protocol hashes are equal.
"""

import csv
import hashlib
import io
import json
import platform
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zeroconv.evaluation.statistics import CONFIDENCE, RESAMPLES, SEED, Estimate
from zeroconv.images import atomic_write
from zeroconv.request.record import versions

SCHEMA = 1  # of the JSON file; goes up when a field changes its meaning
INTERVAL = f"{CONFIDENCE:.0%} percentile bootstrap over pictures, {RESAMPLES} resamples, seed {SEED}"


@dataclass(frozen=True)
class Measure:
    """One row of the table: a name that stays the same, what it means, and the mean with its interval."""

    name: str
    meaning: str
    estimate: Estimate
    unit: str = ""


@dataclass(frozen=True)
class Report:
    """The outcome of one evaluation."""

    title: str
    protocol: Mapping[str, Any]
    """How it was measured: plain JSON values, everything the numbers depend on beside the networks."""
    subject: Mapping[str, Any]
    """What was measured: names and hashes of the networks."""
    measures: tuple[Measure, ...]
    rows: tuple[Mapping[str, Any], ...] = ()
    """One mapping a picture, all with the same keys: the lines of the CSV file."""
    seconds: Mapping[str, float] = field(default_factory=dict)
    """How long each part took."""
    interval: str = INTERVAL
    """What the intervals of the table are."""

    def __getitem__(self, name: str) -> Estimate:
        """The estimate of the measure called `name`; KeyError where there is none."""
        return {measure.name: measure.estimate for measure in self.measures}[name]

    @property
    def protocol_hash(self) -> str:
        """16 hexadecimal digits that name the protocol."""
        text = json.dumps(dict(self.protocol), sort_keys=True, ensure_ascii=True, allow_nan=False)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def as_table(self) -> str:
        """Aligned plain text: a title, one line a measure, a line that says how it was measured."""
        head = ("", "mean", "95 % interval", "n", "")
        lines = [head, *(_cells(measure) for measure in self.measures)]
        body = aligned_table(lines, ("<", ">", ">", ">", "<"))
        return "\n".join([self.title, *body, f"protocol {self.protocol_hash}, {self.interval}"])

    def as_json(self) -> dict[str, Any]:
        """The whole report but for the rows, as plain JSON values."""
        measures = {m.name: {**asdict(m.estimate), "unit": m.unit, "meaning": m.meaning} for m in self.measures}
        return {
            "schema": SCHEMA,
            "title": self.title,
            "subject": dict(self.subject),
            "protocol": dict(self.protocol),
            "protocol_hash": self.protocol_hash,
            "measures": measures,
            "seconds": {name: round(value, 2) for name, value in self.seconds.items()},
            "environment": environment(),
            "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        }

    def write(self, folder: Path, name: str) -> tuple[Path, Path]:
        """Write folder/name.json and folder/name.csv, each whole or not at all -> their paths."""
        folder.mkdir(parents=True, exist_ok=True)
        text = json.dumps(self.as_json(), indent=2, ensure_ascii=False, allow_nan=False)
        summary, table = folder / f"{name}.json", folder / f"{name}.csv"
        write_text(summary, text + "\n")
        write_text(table, as_csv(self.rows))
        return summary, table


def read_summary(path: Path) -> Mapping[str, Any] | None:
    """A report's JSON file of this schema; None where there is none or it cannot be read."""
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) and found.get("schema") == SCHEMA else None


class Stopwatch:
    """Seconds by name: `with watch("draw"): ...`."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - start


def environment() -> dict[str, str]:
    """The versions that may move a number in its last digits."""
    return {**versions(), "machine": platform.machine()}


def captions_hash(captions: Sequence[str]) -> str:
    """16 hexadecimal digits that name a list of captions: another world of scenes gives another."""
    return hashlib.sha256("\n".join(captions).encode()).hexdigest()[:16]


def picture_hash(picture: NDArray[np.uint8]) -> str:
    """16 hexadecimal digits that name the pixels (H, W, N) of a picture, whatever its file is."""
    return hashlib.sha256(str(picture.shape).encode() + picture.tobytes()).hexdigest()[:16]


def pictures_hash(pictures: Iterable[NDArray[np.uint8]]) -> str:
    """16 hexadecimal digits that name pictures in their order."""
    return captions_hash([picture_hash(picture) for picture in pictures])


def aligned_table(lines: Sequence[Sequence[str]], sides: Sequence[str]) -> list[str]:
    """Lines of cells as text in columns; `sides` holds "<" for words and ">" for numbers, one a column."""
    widths = [max(len(line[column]) for line in lines) for column in range(len(sides))]
    padded = (
        [f"{cell:{side}{width}}" for cell, side, width in zip(line, sides, widths, strict=True)] for line in lines
    )
    return ["  " + "  ".join(cells).rstrip() for cells in padded]


def _cells(measure: Measure) -> tuple[str, ...]:
    estimate, digits = measure.estimate, 2 if measure.unit == "dB" else 3
    interval = f"[{estimate.low:.{digits}f}, {estimate.high:.{digits}f}]"
    mean = f"{estimate.mean:.{digits}f}{' ' + measure.unit if measure.unit else ''}"
    return (measure.name, mean, interval, str(estimate.count), measure.meaning)


def as_csv(rows: Sequence[Mapping[str, Any]]) -> str:
    """Rows with the same keys as CSV, a line of names first; numbers with six digits after the point."""
    text = io.StringIO(newline="")
    if rows:
        writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows({k: f"{v:.6f}" if isinstance(v, float) else v for k, v in row.items()} for row in rows)
    return text.getvalue()


def write_text(path: Path, text: str) -> None:
    """Write a file whole or not at all."""
    with atomic_write(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
