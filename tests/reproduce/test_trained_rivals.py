"""Compared systems in experiments: trained once, gone on with after a kill, drawn as all other pictures are."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from zeroconv import load_base
from zeroconv.base import BaseModel
from zeroconv.comparisons.concatenated import DepthToImage
from zeroconv.comparisons.rival import Rival
from zeroconv.data.records import Batch
from zeroconv.errors import UserError
from zeroconv.evaluation.held_out import silent
from zeroconv.evaluation.sampler import Sampler
from zeroconv.reproduce import rivals
from zeroconv.reproduce.bench import Bench
from zeroconv.reproduce.rivals import LearntSystem, drawn_by, learnt
from zeroconv.reproduce.world import World

FEW: dict[str, Any] = {"steps": 4, "batch_size": 2, "save_every": 2, "scenes": 12, "held_out": 8, "prepared": 1}


class Guess(Rival):
    """Guesses the noise from the condition; its first weights are left to chance."""

    name, paper, idea, simplified = "Guess", "none", "none", "all"

    def __init__(self, base: BaseModel) -> None:
        super().__init__(base)
        self.guess = nn.Conv2d(3, base.latent_channels, base.factor, stride=base.factor)

    def losses(self, batch: Batch) -> Tensor:
        losses: Tensor = (self.guess(batch.condition) - batch.noise).square().mean(dim=(1, 2, 3))
        return losses

    def draw(self, prompts: Sequence[str], condition: Tensor, seeds: Sequence[int], sampler: Sampler) -> Tensor:
        raise NotImplementedError


@pytest.fixture(scope="module")
def base() -> BaseModel:
    return load_base("tiny")


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def bench(base: BaseModel, cache: Path, tmp_path: Path) -> Bench:
    return Bench(base, World(base.native_size, silent), tmp_path, count=3, sampler=Sampler(steps=2), cache=cache)


def weights(system: LearntSystem) -> Tensor:
    return system.rival.get_parameter("guess.weight").detach().clone()


def test_a_system_is_trained_once(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    first = learnt(bench, "guess", "canny", Guess, **FEW)
    monkeypatch.delattr(rivals, "learn")
    again = learnt(bench, "guess", "canny", Guess, **FEW)
    assert torch.equal(weights(first), weights(again))
    assert first.seconds == again.seconds > 0
    assert not (bench.out / "trainings" / "guess" / "states").exists()


def test_a_killed_training_goes_on_and_its_seconds_count_once(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    undisturbed, log = learnt(bench, "undisturbed", "canny", Guess, **FEW), rivals._log
    seen: list[int] = []

    def dying(folder: Path, step: Any, plan: Any) -> None:
        log(folder, step, plan)
        seen.append(step.step)
        if len(seen) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(rivals, "_log", dying)
    with pytest.raises(KeyboardInterrupt):
        learnt(bench, "killed", "canny", Guess, **FEW)
    path = bench.out / "trainings" / "killed" / "log.jsonl"
    path.write_text(path.read_text()[:-5])
    system = learnt(bench, "killed", "canny", Guess, **FEW)
    assert seen == [1, 2, 3, 3, 4]
    assert torch.equal(weights(system), weights(undisturbed))
    per_step = [float(line.split()[-1].rstrip("}")) for line in path.read_text().splitlines() if line.endswith("}")]
    assert len(per_step) == 4
    assert system.seconds == pytest.approx(sum(per_step))


def test_the_seed_decides_first_weights_and_examples(bench: Bench) -> None:
    torch.manual_seed(1)
    one = learnt(bench, "one", "canny", Guess, **FEW)
    torch.manual_seed(2)
    assert torch.equal(weights(one), weights(learnt(bench, "two", "canny", Guess, **FEW)))
    assert not torch.equal(weights(one), weights(learnt(bench, "three", "canny", Guess, seed=1, **FEW)))


@pytest.mark.parametrize("change", [{"steps": 5}, {"seed": 1}, {"held_out": 7}])
def test_another_training_of_the_name_is_refused(bench: Bench, change: dict[str, int]) -> None:
    learnt(bench, "guess", "canny", Guess, **FEW)
    (name,) = change
    with pytest.raises(UserError, match=f"holds a training with {name} = .*, not {change[name]}; choose another --out"):
        learnt(bench, "guess", "canny", Guess, **{**FEW, **change})


def test_a_system_that_ignores_its_condition_draws_what_the_bench_draws(bench: Bench) -> None:
    held_out = bench.world.held_out(bench.count)
    asked = bench.world.fidelity("canny").asked(held_out)
    drawn = drawn_by(bench, DepthToImage(bench.base), "canny", asked, held_out.captions, what="untrained")
    alone = bench.draw(held_out.captions, what="no control")
    assert len(drawn) == 3
    for one, other in zip(drawn, alone, strict=True):
        assert np.abs(one.astype(int) - other.astype(int)).max() <= 1
