"""Experiments on the embedded base, with the fewest pictures and steps: that they run and tell what they promise."""

from pathlib import Path

import pytest

from zeroconv import load_base
from zeroconv.base import BaseModel
from zeroconv.errors import UserError
from zeroconv.evaluation.held_out import silent
from zeroconv.evaluation.sampler import Sampler
from zeroconv.reproduce.bench import Bench
from zeroconv.reproduce.catalogue import EXPERIMENTS
from zeroconv.reproduce.experiments import misread
from zeroconv.reproduce.trainings import Training, trained
from zeroconv.reproduce.world import World
from zeroconv.scenes import KINDS


@pytest.fixture(scope="module")
def base() -> BaseModel:
    return load_base("tiny")


@pytest.fixture
def bench(base: BaseModel, tmp_path: Path) -> Bench:
    world = World(base.native_size, silent, reference=48)
    return Bench(base, world, tmp_path / "out", count=2, sampler=Sampler(steps=1), cache=tmp_path / "cache")


@pytest.mark.parametrize("name", ["prompts", "composition", "resolution-weighting", "misread"])
def test_an_experiment_runs_and_its_protocol_names_what_it_depends_on(name: str, bench: Bench) -> None:
    drawn = []

    def counting(items, what):  # type: ignore[no-untyped-def]
        drawn.append(what)
        return items

    object.__setattr__(bench, "progress", counting)
    finding = EXPERIMENTS[name].run(bench)
    assert 2 * len(drawn) == EXPERIMENTS[name].pictures(bench.count)
    assert finding.tables[0].rows
    assert finding.words
    assert finding.pictures or name == "misread"
    assert finding.protocol["pictures"]["count"] == 2
    assert finding.protocol["controlnets"]


def test_a_conflicting_caption_names_another_kind(bench: Bench) -> None:
    held_out = bench.world.single_objects(9)
    for scene, caption in zip(held_out.scenes, bench.world.conflicting(held_out), strict=True):
        kind = scene.objects[0].kind
        assert kind in scene.caption
        assert kind not in caption
        assert any(other in caption for other in KINDS)


def test_true_pictures_are_near_to_true_pictures_and_show_what_is_named(bench: Bench) -> None:
    held_out = bench.world.held_out(32)
    assert bench.world.quality(held_out.pictures).low < 0.1
    assert sum(bench.world.alignment(held_out.pictures, held_out.captions)) / 32 > 0.9


def test_what_was_misread_is_told_without_an_interval_where_there_is_little_of_it() -> None:
    assert misread._share([1.0, 0.0]) == "1 of 2"


def test_a_training_is_made_once_and_another_of_its_name_is_refused(bench: Bench) -> None:
    few = {"steps": 2, "batch_size": 2, "gain_every": 0, "save_every": 2}
    training = Training("canny-few", "canny", scenes=12, held_out=8, changes=few)
    first = trained(bench, training)
    assert first.done == 2
    written = (first.folder.controlnet / "zeroconv.json").stat().st_mtime_ns
    again = trained(bench, training)
    assert (again.folder.controlnet / "zeroconv.json").stat().st_mtime_ns == written
    with pytest.raises(UserError, match="holds a training with steps = 2, not 3"):
        trained(bench, Training("canny-few", "canny", scenes=12, held_out=8, changes={**few, "steps": 3}))
