"""The folder of a training run: what lies where, and how an interrupted run is taken up again.

run.json         what was asked for: settings, base, data, condition, versions
log.jsonl        one line a step: loss, learning rate, gradient norm, samples per second
gain.csv, .png   the held-out control gain, over all noise levels and per band
gain.npz         the same, as losses of each held-out example
messages.txt     what a person should know: when control set in, warnings with likely causes, why it stopped
previews/        pictures made along the way, one sheet per step number
previews.png     the same side by side, a column a step
tensorboard/     event files, where tensorboard is installed
states/          full states, from which --resume goes on
controlnet/      the result, in the diffusers format with our zeroconv.json
base/            the base it belongs to, a diffusers pipeline, where part of that was trained too
best/            the same of the step with the highest held-out gain; its base is in best/base/
"""

import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from zeroconv.errors import UserError
from zeroconv.images import atomic_write
from zeroconv.training.bands import Band
from zeroconv.training.best import rewind_best
from zeroconv.training.config import TrainConfig
from zeroconv.training.curve import Curve, read_curve
from zeroconv.training.gain_figure import Mark, write_gain_figure
from zeroconv.training.loop import Step
from zeroconv.training.state import load_newest

WHAT_A_RUN_IS = ("base", "base_fingerprint", "condition", "data", "size", "start")
"""Entries of `about` that must not change when a run is taken up again."""
WHAT_IT_TRAINS = ("variant", "unlock")
"""Settings of which the same is true."""

_MESSAGE = re.compile(r"step (\d+): (.*)")


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
    def base(self) -> Path:
        return self.path / "base"

    @property
    def best(self) -> Path:
        return self.path / "best"

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
        self._write_messages([(number, text) for number, text in self.messages() if number <= step])
        rewind_best(self.best, self.states, step)
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

    def steps(self) -> list[dict[str, Any]]:
        """The lines of the log; one that was cut short is left out."""
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        return [json.loads(line) for line in lines if _step_of(line)]

    def tell(self, step: int, text: str) -> None:
        """Adds a message for people, one paragraph."""
        self._write_messages([*self.messages(), (step, text)])

    def messages(self) -> list[tuple[int, str]]:
        """Step and text of every message so far."""
        if not self._messages.exists():
            return []
        found = map(_MESSAGE.fullmatch, self._messages.read_text("utf-8").splitlines())
        return [(int(match[1]), match[2]) for match in found if match]

    def write_gain(self, curve: Curve, marks: Sequence[Mark] = ()) -> None:
        """The whole curve so far, as a table, as arrays and as a picture."""
        curve.write(self.path)
        write_gain_figure(self.path / "gain.png", curve, marks)

    @property
    def _messages(self) -> Path:
        return self.path / "messages.txt"

    def _write_messages(self, messages: Sequence[tuple[int, str]]) -> None:
        if messages or self._messages.exists():
            with atomic_write(self._messages) as temporary:
                temporary.write_text("".join(f"step {step}: {text}\n" for step, text in messages), "utf-8")


def check_same_run(before: dict[str, Any], now: dict[str, Any], path: Path) -> None:
    """Raises UserError where a run would go on with another base, condition, data or weights than it had."""
    had, has = (_identity(about) for about in (before, now))
    for key, value in has.items():
        if had[key] != value:
            raise UserError(
                f"the run in {path} was started with {key} = {_show(had[key])}, not {_show(value)}; "
                "take that again or choose another --out"
            )


def _identity(about: dict[str, Any]) -> dict[str, Any]:
    settings = {**asdict(TrainConfig()), **about.get("config", {})}  # those of before there was such a setting
    return {key: about.get(key) for key in WHAT_A_RUN_IS} | {key: settings[key] for key in WHAT_IT_TRAINS}


def _show(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _step_of(line: str) -> int:
    """The step of a line of the log; 0 for a line that was cut short."""
    try:
        return int(json.loads(line)["step"])
    except (ValueError, KeyError, TypeError):
        return 0
