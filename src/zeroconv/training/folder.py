"""The folder of a training run: what lies where, and how an interrupted run is taken up again.

run.json         what was asked for: settings, base, data, condition, versions
log.jsonl        one line a step: loss, learning rate, gradient norm, samples per second
gain.csv, .png   the held-out control gain, over all noise levels and per band
gain.npz         the same, as losses of each held-out example
previews/        pictures made along the way, one sheet per step number
states/          full states, from which --resume goes on
controlnet/      the result, in the diffusers format with our zeroconv.json
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zeroconv.errors import UserError
from zeroconv.images import atomic_write
from zeroconv.training.bands import Band
from zeroconv.training.curve import Curve, read_curve
from zeroconv.training.gain_figure import write_gain_figure
from zeroconv.training.loop import Step
from zeroconv.training.state import load_newest

WHAT_A_RUN_IS = ("base", "base_fingerprint", "condition", "data", "size")
"""Entries of `about` that must not change when a run is taken up again."""


@dataclass(frozen=True)
class RunFolder:
    """Paths of a run and what is written to them."""

    path: Path

    @property
    def states(self) -> Path:
        return self.path / "states"

    @property
    def previews(self) -> Path:
        return self.path / "previews"

    @property
    def controlnet(self) -> Path:
        return self.path / "controlnet"

    @property
    def log(self) -> Path:
        return self.path / "log.jsonl"

    def open(self, *, resume: bool) -> dict[str, Any] | None:
        """The saved record to go on from, None for a fresh start. Raises UserError rather than overwrite a run."""
        if self.path.exists() and not self.path.is_dir():
            raise UserError(f"--out must be a folder; {self.path} is a file")
        if (self.path / "run.json").exists() and not resume:
            raise UserError(
                f"{self.path} already holds a training run; add --resume to go on with it, or choose another --out"
            )
        return load_newest(self.states) if resume else None

    def start(self, about: dict[str, Any]) -> None:
        """Writes what was asked for and clears what an interrupted run left of its log."""
        self.path.mkdir(parents=True, exist_ok=True)
        with atomic_write(self.path / "run.json") as temporary:
            temporary.write_text(json.dumps(about, indent=2) + "\n")

    def rewind(self, step: int, bands: tuple[Band, ...]) -> Curve:
        """Forgets what was logged after `step`, since those steps will be taken again; returns the gain until then."""
        if self.log.exists():
            lines = [line for line in self.log.read_text().splitlines() if _step_of(line) in range(1, step + 1)]
            with atomic_write(self.log) as temporary:
                temporary.write_text("".join(f"{line}\n" for line in lines))
        return read_curve(self.path, bands, until=step)

    def write_step(self, step: Step) -> None:
        """Appends a line to the log."""
        line = {
            "step": step.number,
            "loss": step.loss,
            "learning_rate": step.learning_rate,
            "gradient_norm": step.gradient_norm,
            "samples_per_second": round(step.samples_per_second, 3),
        }
        with self.log.open("a") as file:
            file.write(json.dumps(line) + "\n")

    def write_gain(self, curve: Curve) -> None:
        """The whole curve so far, as a table, as arrays and as a picture."""
        curve.write(self.path)
        write_gain_figure(self.path / "gain.png", curve)


def check_same_run(before: dict[str, Any], now: dict[str, Any], path: Path) -> None:
    """Raises UserError where a run would go on with another base, condition or data than it had."""
    for key in WHAT_A_RUN_IS:
        if before.get(key) != now.get(key):
            raise UserError(
                f"the run in {path} was started with {key} = {_show(before.get(key))}, not {_show(now.get(key))}; "
                "take that again or choose another --out"
            )


def _show(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _step_of(line: str) -> int:
    """The step of a line of the log; 0 for a line that was cut short."""
    try:
        return int(json.loads(line)["step"])
    except (ValueError, KeyError, TypeError):
        return 0
