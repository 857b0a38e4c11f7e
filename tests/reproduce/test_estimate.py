"""The estimate before experiments: what costs time is counted, and scenes that several train on are counted once."""

from dataclasses import replace
from pathlib import Path

import pytest

from zeroconv import load_base
from zeroconv.data.cache import fill
from zeroconv.data.extraction import extraction_of
from zeroconv.data.opening import open_source
from zeroconv.evaluation.held_out import silent
from zeroconv.evaluation.sampler import Sampler
from zeroconv.reproduce import estimate, trainings
from zeroconv.reproduce.bench import Bench
from zeroconv.reproduce.catalogue import EXPERIMENTS
from zeroconv.reproduce.trainings import unprepared
from zeroconv.reproduce.world import World

ONE = replace(EXPERIMENTS["systems"], name="one", pictures=lambda count: count, samples=1000, trains_on=("depth",))
OTHER = replace(ONE, name="other", samples=0)


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    base = load_base("tiny")
    monkeypatch.setattr(estimate, "seconds_per_picture", lambda bench: 1.0)
    return Bench(base, World(base.native_size, silent), tmp_path, count=60, sampler=Sampler(steps=10), cache=tmp_path)


def test_pictures_samples_and_scenes_cost_time(bench: Bench) -> None:
    drawn = estimate.expected_seconds(OTHER, bench, 1.0, 0)
    assert drawn == 60 * estimate.CONTROLLED
    assert estimate.expected_seconds(ONE, bench, 1.0, 0) - drawn == pytest.approx(1000 * estimate.SAMPLE / 10)
    assert estimate.expected_seconds(OTHER, bench, 1.0, 2000) - drawn == pytest.approx(2000 * estimate.SCENE / 10)
    two = replace(bench, workers=1)
    assert estimate.expected_seconds(OTHER, two, 1.0, 2000) - drawn == pytest.approx(1000 * estimate.SCENE / 10)


def test_scenes_are_counted_once_and_what_is_done_costs_nothing(bench: Bench) -> None:
    scenes = trainings.SCENES * estimate.SCENE / 10 / 60  # minutes
    told = estimate.table([ONE, OTHER], bench, []).splitlines()
    assert [line.rpartition("about ")[2] for line in told] == [
        f"{1.6 + 2.5 + scenes:.0f} minutes",
        f"{1.6:.0f} minutes",
        f"{2 * 1.6 + 2.5 + scenes:.0f} minutes",
    ]
    told = estimate.table([ONE, OTHER], bench, ["one"]).splitlines()
    assert told[0].endswith("done already")
    assert told[1].endswith(f"{1.6 + scenes:.0f} minutes")


def test_what_the_cache_has_need_not_be_prepared(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trainings, "SCENES", 12)
    assert unprepared(bench, "depth") == 12
    extraction = extraction_of("depth", {})
    source = open_source("scenes:12", extraction, bench.base.native_size)
    list(fill(trainings.cache_folder(bench.cache, bench.base, source, extraction), bench.base, source))
    assert (unprepared(bench, "depth"), unprepared(bench, "segmentation")) == (0, 12)
