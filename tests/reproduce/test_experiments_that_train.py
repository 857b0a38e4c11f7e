"""Experiments that train, once each with the fewest steps: they run to their end and draw what they say."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from zeroconv import load_base
from zeroconv.evaluation.held_out import silent
from zeroconv.evaluation.sampler import Sampler
from zeroconv.reproduce.bench import Bench
from zeroconv.reproduce.catalogue import EXPERIMENTS
from zeroconv.reproduce.experiments import sudden_convergence, transfer
from zeroconv.reproduce.experiments.sketches import BETAS
from zeroconv.reproduce.trainings import RECIPE, Training
from zeroconv.reproduce.world import World

FEW = {"steps": 4, "batch_size": 2, "gain_every": 2, "save_every": 2, "warm_up": 0}
SCENES, HELD_OUT = 24, 8


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def bench(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """A bench on which every training is short, whatever its experiment asks for."""

    def always(value: Callable[[Training], Any]) -> property:
        return property(value, lambda training, asked: None)

    monkeypatch.setattr(Training, "settings", property(lambda self: {**RECIPE, **self.changes, **FEW}))
    monkeypatch.setattr(Training, "scenes", always(lambda self: SCENES), raising=False)
    monkeypatch.setattr(Training, "held_out", always(lambda self: 0 if self.pictures else HELD_OUT), raising=False)
    monkeypatch.setattr(sudden_convergence, "SHOWN", (2, 4))
    monkeypatch.setattr(transfer, "PICTURES", 8)
    base = load_base("tiny")
    world = World(base.native_size, silent, reference=48)
    return Bench(base, world, tmp_path / "out", count=4, sampler=Sampler(steps=1), cache=cache)


TRAINING = ("transfer", "sudden-convergence", "data-size", "depth-to-image", "sketches", "systems")
COST_TWICE = {"sketches": len(BETAS)}


@pytest.mark.parametrize("name", TRAINING)
def test_it_trains_and_draws_and_is_done_at_once_the_second_time(name: str, bench: Bench) -> None:
    experiment = EXPERIMENTS[name]
    drawn: list[str] = []

    def counting(items, what):  # type: ignore[no-untyped-def]
        drawn.append(what)
        return items

    object.__setattr__(bench, "progress", counting)
    finding = experiment.run(bench)
    assert bench.count * (len(drawn) + COST_TWICE.get(name, 0)) == experiment.pictures(bench.count)
    assert finding.words
    assert finding.pictures
    assert all(table.rows for table in finding.tables)
    folders = {path: path.stat().st_mtime_ns for path in sorted((bench.out / "trainings").rglob("*.safetensors"))}
    assert folders
    assert experiment.run(bench).tables[0].rows.keys() == finding.tables[0].rows.keys()
    assert {path: path.stat().st_mtime_ns for path in folders} == folders
