"""Trainings that experiments need: made as `zeroconv train` makes them, kept, and gone on with where cut short."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from zeroconv.data.cache import cache_folder, num_missing
from zeroconv.data.extraction import extraction_of
from zeroconv.data.opening import open_source
from zeroconv.errors import UserError
from zeroconv.reproduce.bench import Bench
from zeroconv.training.course import finish, loop
from zeroconv.training.interruption import Interruption
from zeroconv.training.prepare import prepare
from zeroconv.training.report.reading import RunRead, read_run
from zeroconv.training.run import Order

HELD_OUT = 64

RECIPE: Mapping[str, Any] = {
    "batch_size": 4,
    "learning_rate": 1.2e-3,
    "warm_up": 20,
    "decay": 0.4,
    "ema": 0.98,
    "steps": 3000,
    "gain_every": 150,
    "save_every": 250,
    "preview_every": 0,
    "keep": "last",
    "expect_control_by": 0,
}
"""What gives control in the fewest samples (benchmarks/convergence); experiments say what they change."""
SAMPLES = int(RECIPE["steps"]) * int(RECIPE["batch_size"])
SCENES = 16_000
"""Those that are held out among them."""


@dataclass(frozen=True)
class Training:
    """One training, by the name of its folder."""

    name: str
    condition: str
    scenes: int = SCENES
    held_out: int = HELD_OUT
    """Scenes among them that measure the control gain."""
    changes: Mapping[str, Any] = field(default_factory=dict)
    """Of the recipe."""
    pictures: Path | None = None
    """A folder of pictures with captions in place of scenes."""

    @property
    def settings(self) -> dict[str, Any]:
        """The recipe with its changes."""
        return {**RECIPE, **self.changes}

    @property
    def data(self) -> str:
        """As `zeroconv train --data` takes it."""
        return f"scenes:{self.scenes}" if self.pictures is None else f"folder:{self.pictures}"


def trained(bench: Bench, training: Training) -> RunRead:
    """The finished run of a training, which is made as far as it lies in bench.out/trainings not yet.

    KeyboardInterrupt where a signal stopped it, its state saved. UserError where the folder holds another training.
    """
    folder = bench.out / "trainings" / training.name
    if (folder / "controlnet").exists() and (found := read_run(folder)).status.startswith("finished"):
        _check(found, training)
        return found
    order = Order(
        condition=extraction_of(training.condition, {}),
        data=training.data,
        out=folder,
        resume=(folder / "run.json").exists(),
        workers=bench.workers,
        cache=bench.cache,
        held_out=training.held_out,
        trackers=("none",),
    )
    run = prepare(order, bench.base, training.settings)
    with Interruption() as interruption:
        loop(run, interruption)
    if interruption.signal is not None:
        raise KeyboardInterrupt
    finish(run)
    return read_run(folder)


def unprepared(bench: Bench, condition: str) -> int:
    """How many scenes of the usual training set the cache lacks with this condition."""
    extraction = extraction_of(condition, {})
    source = open_source(f"scenes:{SCENES}", extraction, bench.base.native_size)
    return num_missing(cache_folder(bench.cache, bench.base, source, extraction), SCENES)


def seconds_of(found: RunRead) -> float:
    """Spent in the steps of a training, in all sittings; measuring and saving between them are not counted."""
    return sum(float(found.config["batch_size"]) / float(step["samples_per_second"]) for step in found.steps)


def _check(found: RunRead, training: Training) -> None:
    wanted = {**training.settings, "condition": training.condition, "scenes": training.scenes}
    has = {**found.config, "condition": found.about["condition"]["name"], "scenes": found.about["data"]["examples"]}
    for name, value in wanted.items():
        if has.get(name) != value:
            raise UserError(
                f"{found.folder.path} holds a training with {name} = {has.get(name)}, not {value}; choose another --out"
            )
