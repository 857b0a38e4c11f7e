"""The control gain's curve on disk: gain.csv with the means, gain.npz with every example's losses.

The table is for people. The arrays are exact, so that whatever is decided from the curve (the best step, early
stopping) is decided alike by a run that was interrupted and one that was not. A table without arrays, of a run that
began before there were any, is read too.
"""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch

from zeroconv.images import atomic_write
from zeroconv.objective import Gain
from zeroconv.training.bands import NAMES, Band
from zeroconv.training.gain import BandGain, GainPoint, gain_point

TABLE, ARRAYS = "gain.csv", "gain.npz"
_PLAIN = [part.name for part in fields(GainPoint) if part.name != "bands"]
_OF_A_BAND = [part.name for part in fields(BandGain) if part.name != "name"]
_LOSSES = [part.name for part in fields(Gain)]


@dataclass
class Curve:
    """All measurements of a run so far."""

    bands: tuple[Band, ...] = ()
    points: list[GainPoint] = field(default_factory=list)
    measured: list[tuple[int, Gain]] = field(default_factory=list)
    """Step and losses of every example, for the points of which they are kept; all of the same examples."""

    def add(self, step: int, gain: Gain) -> GainPoint:
        """A further measurement; losses of other held-out examples than these are let go, their means are kept."""
        losses = Gain(**{name: getattr(gain, name).cpu() for name in _LOSSES})
        if self.measured and len(self.measured[-1][1].with_) != len(losses.with_):
            self.measured.clear()
        self.measured.append((step, losses))
        self.points.append(gain_point(step, losses, self.bands))
        return self.points[-1]

    def write(self, folder: Path) -> None:
        """The arrays, then the table, each whole or not at all."""
        if self.measured:
            write_losses(folder / ARRAYS, self.measured)
        write_table(folder / TABLE, self.points)


def read_curve(folder: Path, bands: tuple[Band, ...] = (), until: int | None = None) -> Curve:
    """The curve of a run up to step `until`; empty where nothing was measured."""
    curve = Curve(bands)
    kept = {step: losses for step, losses in read_losses(folder / ARRAYS) if until is None or step <= until}
    for point in read_table(folder / TABLE):
        if point.step in kept:
            curve.add(point.step, kept[point.step])
        elif until is None or point.step <= until:
            curve.points.append(point)
    return curve


def write_table(path: Path, points: Sequence[GainPoint]) -> None:
    """The means as CSV, one line a measurement."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*_PLAIN, *(f"{band}_{name}" for band in NAMES for name in _OF_A_BAND)])
    for point in points:
        values = [getattr(point, name) for name in _PLAIN]
        bands = {band.name: band for band in point.bands}
        values += [getattr(bands.get(band), name, None) for band in NAMES for name in _OF_A_BAND]
        writer.writerow(format(value, ".6g") if isinstance(value, float) else value for value in values)
    with atomic_write(path) as temporary:
        temporary.write_text(text.getvalue())


def read_table(path: Path) -> list[GainPoint]:
    """The points of a CSV, with or without bands; none where there is no file."""
    if not path.exists():
        return []
    with path.open(newline="") as file:
        return [_point(row) for row in csv.DictReader(file)]


def write_losses(path: Path, measured: Sequence[tuple[int, Gain]]) -> None:
    """Per-example losses as arrays: step (K,), and (K, N) each of K measurements of N examples."""
    arrays: dict[str, Any] = {name: np.stack([getattr(gain, name).numpy() for _, gain in measured]) for name in _LOSSES}
    with atomic_write(path) as temporary:
        np.savez(temporary, step=np.array([step for step, _ in measured]), **arrays)


def read_losses(path: Path) -> Iterator[tuple[int, Gain]]:
    """Step and per-example losses of each measurement; none where there is no file."""
    if not path.exists():
        return
    with np.load(path) as arrays:
        content = {name: arrays[name] for name in ("step", *_LOSSES)}
    for row, step in enumerate(content["step"]):
        yield int(step), Gain(**{name: torch.from_numpy(content[name][row].copy()) for name in _LOSSES})


def _point(row: dict[str, Any]) -> GainPoint:
    plain: dict[str, Any] = {name: float(row[name]) for name in _PLAIN if row.get(name)}
    counts = {name: int(plain.pop(name)) for name in ("step", "examples") if name in plain}
    bands = [_band(name, row) for name in NAMES if row.get(f"{name}_gain")]
    return GainPoint(**counts, **plain, bands=tuple(bands))


def _band(name: str, row: dict[str, Any]) -> BandGain:
    values = {part: row[f"{name}_{part}"] for part in _OF_A_BAND}
    return BandGain(name, **{part: float(value) if value else None for part, value in values.items()})  # type: ignore[arg-type]
