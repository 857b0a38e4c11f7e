"""What a run's folder tells, in any state: finished, under way, killed, or of before some of the files were written."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from zeroconv.errors import UserError
from zeroconv.training.bands import Band
from zeroconv.training.best import best_point, step_of
from zeroconv.training.curve import Curve, read_curve
from zeroconv.training.folder import RunFolder
from zeroconv.training.gain import GainPoint
from zeroconv.training.onset import Onset, find_onset, planned_looks


@dataclass(frozen=True, eq=False)
class RunRead:
    """All that a report shows."""

    folder: RunFolder
    about: Mapping[str, Any]
    """run.json: settings, base, data, versions."""
    training: Mapping[str, Any]
    """What the finished ControlNet says about its training; empty where there is none yet."""
    steps: Sequence[Mapping[str, Any]]
    """The lines of the log."""
    curve: Curve
    messages: Sequence[tuple[int, str]]
    previews: Sequence[Path]
    """Single sheets, oldest first."""

    @property
    def config(self) -> Mapping[str, Any]:
        """The settings."""
        config: Mapping[str, Any] = self.about.get("config", {})
        return config

    @property
    def headline(self) -> str:
        """What was trained on what."""
        return (
            f"{self.about.get('condition', {}).get('name', 'a condition')} on {Path(str(self.about.get('base'))).name}"
        )

    @property
    def done(self) -> int:
        """The last step that was logged."""
        points = [point.step for point in self.curve.points]
        return max([int(line["step"]) for line in self.steps[-1:]] + points[-1:] + [0])

    @property
    def status(self) -> str:
        """How far it has come."""
        planned = int(self.config.get("steps", 0))
        is_result_of_last = bool(self.training) and int(self.training.get("steps", 0)) >= self.done
        if is_result_of_last:
            return f"finished after {self.done} steps" + (f" of {planned}" if self.done < planned else "")
        return f"{self.done} of {planned} steps, under way or interrupted"

    @cached_property
    def onset(self) -> Onset | None:
        """When control set in, by the curve as it is now."""
        looks = planned_looks(int(self.config.get("steps", 0)), int(self.config.get("gain_every", 0)))
        return find_onset(self.curve.points, looks)

    @property
    def last(self) -> GainPoint | None:
        """The last measurement."""
        return self.curve.points[-1] if self.curve.points else None

    @property
    def best(self) -> GainPoint | None:
        """The measurement of the highest gain."""
        return best_point(self.curve.points)

    @property
    def has_best(self) -> bool:
        """Whether the ControlNet of the best measurement was kept."""
        return self.best is not None and step_of(self.folder.best) == self.best.step


def read_run(path: Path) -> RunRead:
    """The run in a folder. Raises UserError where it holds none."""
    record = path / "run.json"
    if not record.is_file():
        raise UserError(_no_run(path))
    try:
        about = json.loads(record.read_text("utf-8"))
        bands = tuple(
            Band(band["name"], band["start"], band["stop"], tuple(band["log_snr"]))
            for band in about.get("noise_bands", ())
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(f"{record} is damaged: expected the record that zeroconv train writes, got {error}") from error
    folder = RunFolder(path)
    return RunRead(
        folder=folder,
        about=about,
        training=_training(folder),
        steps=folder.steps(),
        curve=read_curve(path, bands),
        messages=folder.messages(),
        previews=[file for file in sorted(folder.previews.glob("*.png")) if file.stem.isdigit()],
    )


def _training(folder: RunFolder) -> Mapping[str, Any]:
    try:
        training: Mapping[str, Any] = json.loads((folder.controlnet / "zeroconv.json").read_text("utf-8"))["training"]
        return training
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _no_run(path: Path) -> str:
    """That there is no run, and where one is nearby."""
    near = [path.parent, *sorted(entry for entry in path.glob("*") if entry.is_dir())] if path.is_dir() else []
    found = next((entry for entry in near if (entry / "run.json").is_file()), None)
    hint = f"; did you mean {found}?" if found else "; expected the folder given to zeroconv train as --out"
    return f"{path} holds no training run (no run.json){hint}"
