"""A training run: what is asked for, and all that belongs to one that is under way."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from zeroconv.base import BaseModel
from zeroconv.control import ControlNet
from zeroconv.data.batches import Batches
from zeroconv.data.cache import Encoded
from zeroconv.data.extraction import Extraction
from zeroconv.data.records import Batch
from zeroconv.training.config import TrainConfig
from zeroconv.training.curve import Curve
from zeroconv.training.folder import RunFolder
from zeroconv.training.loop import Step
from zeroconv.training.processes import ALONE, Processes
from zeroconv.training.state import TrainState
from zeroconv.training.trackers import Trackers

SMOOTHING = 0.97
"""Share of the loss shown that stays from step to step: it averages over some thirty."""


@dataclass(frozen=True)
class Order:
    """What is asked for besides the base and the settings."""

    condition: Extraction
    data: str
    out: Path
    resume: bool
    workers: int
    cache: Path
    held_out: int
    start: str | None = None
    """A ControlNet to begin with in place of a fresh one."""
    trackers: tuple[str, ...] = ()
    """Where it is shown besides its folder; empty: TensorBoard where it is installed."""
    processes: Processes = ALONE
    """Those that train together, of which this is one."""


@dataclass
class Shown:
    """What the progress bar shows, smoothed."""

    loss: float | None = None
    samples_per_second: float | None = None

    def update(self, step: Step) -> None:
        """Takes a further step in."""
        self.loss = _smoothed(self.loss, step.loss)
        self.samples_per_second = _smoothed(self.samples_per_second, step.samples_per_second)


@dataclass
class Run:
    """A run under way."""

    base: BaseModel
    base_hash: str
    """Of what is locked in it."""
    controlnet: ControlNet
    batches: Batches
    held_out: list[Batch]
    """Fixed batches that measure the control gain; the first process alone has them."""
    previewed: list[Encoded]
    """Held-out examples of which pictures are made."""
    config: TrainConfig
    folder: RunFolder
    about: dict[str, Any]
    record: dict[str, Any] | None
    """The saved state to go on from."""
    curve: Curve
    seconds: float
    """Spent training in all, earlier sittings included."""
    processes: Processes = ALONE
    state: TrainState | None = None
    tracked_by: tuple[str, ...] = ()
    trackers: Trackers = field(default_factory=Trackers)
    shown: Shown = field(default_factory=Shown)


def _smoothed(before: float | None, value: float) -> float:
    return value if before is None else SMOOTHING * before + (1 - SMOOTHING) * value
