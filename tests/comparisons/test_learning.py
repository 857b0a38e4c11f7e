"""The loop that trains the compared systems: it learns, and a killed training ends as the one that was not."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path

import pytest
import torch
from rivalworld import signs_batches
from torch import Tensor, nn

from zeroconv.base import BaseModel, load_base
from zeroconv.comparisons.learning import Learnt, Plan, learn
from zeroconv.comparisons.rival import Rival
from zeroconv.data.records import Batch
from zeroconv.errors import UserError
from zeroconv.evaluation.sampler import Sampler

PLAN = Plan(steps=8, batch_size=3, learning_rate=0.05, warm_up=2, decay=0.5, ema=0.5, save_every=3, prepared=2)


class Guess(Rival):
    """Guesses latents from the condition's colours about the mean latents that it was prepared with."""

    name, paper, idea, simplified = "Guess", "none", "none", "all"

    def __init__(self, base: BaseModel) -> None:
        super().__init__(base)
        torch.manual_seed(0)
        self.guess = nn.Conv2d(3, 4, 8, stride=8)
        self.register_buffer("mean", torch.zeros(4, 8, 8))
        self.num_prepared = 0

    def prepare(self, batches: Sequence[Batch]) -> None:
        self.num_prepared += len(batches)
        self.mean = torch.cat([batch.latents for batch in batches]).mean(dim=0)

    def losses(self, batch: Batch) -> Tensor:
        return (self.guess(batch.condition) + self.mean - batch.latents).square().mean(dim=(1, 2, 3))

    def draw(self, prompts: Sequence[str], condition: Tensor, seeds: Sequence[int], sampler: Sampler) -> Tensor:
        raise NotImplementedError


@pytest.fixture(scope="module")
def base(sd15_folder: Path) -> BaseModel:
    return load_base(sd15_folder)


def taken(rival: Rival, folder: Path, plan: Plan = PLAN, steps: int | None = None) -> list[Learnt]:
    return list(islice(learn(rival, signs_batches(rival.base, plan.batch_size), plan, folder=folder), steps))


def same(mine: Rival, theirs: Rival) -> bool:
    one, other = mine.state_dict(), theirs.state_dict()
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def test_a_system_learns(base: BaseModel, tmp_path: Path) -> None:
    rival = Guess(base)
    steps = taken(rival, tmp_path, replace(PLAN, steps=40))
    assert [step.step for step in steps] == list(range(1, 41))
    assert steps[-1].loss < 0.5 * steps[0].loss and all(step.samples_per_second > 0 for step in steps)
    assert rival.num_prepared == 2 and rival.mean.any()


@pytest.mark.parametrize("stopped", [0, 2, 3, 7, 8])
def test_stopped_and_taken_up_again(stopped: int, base: BaseModel, tmp_path: Path) -> None:
    undisturbed, before, after = Guess(base), Guess(base), Guess(base)
    expected = taken(undisturbed, tmp_path / "undisturbed")
    taken(before, tmp_path / "stopped", steps=stopped)
    found = taken(after, tmp_path / "stopped")
    kept = 8 if stopped == 8 else stopped // 3 * 3
    assert [(step.step, step.loss) for step in found] == [(step.step, step.loss) for step in expected[kept:]]
    assert same(after, undisturbed)
    assert after.num_prepared == (0 if kept else 2)


def test_killed_while_a_state_is_written(base: BaseModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a kill leaves is half a file under the temporary name, and nothing in memory."""

    class KilledError(BaseException):
        """Not caught by anything."""

    def half(record: object, path: Path) -> None:
        path.write_bytes(b"half")
        raise KilledError

    save, undisturbed, after = torch.save, Guess(base), Guess(base)
    taken(undisturbed, tmp_path / "undisturbed")
    taken(Guess(base), tmp_path / "killed", steps=3)
    monkeypatch.setattr(torch, "save", half)
    with pytest.raises(KilledError):
        taken(Guess(base), tmp_path / "killed")
    monkeypatch.setattr(torch, "save", save)
    (tmp_path / "killed" / ".writing.pt").write_bytes(b"half")
    assert taken(after, tmp_path / "killed")[0].step == 4
    assert same(after, undisturbed)


def test_the_average_takes_the_weights_place_at_the_end(base: BaseModel, tmp_path: Path) -> None:
    plain, averaged = Guess(base), Guess(base)
    one = taken(plain, tmp_path / "plain", replace(PLAN, ema=0.0))
    other = taken(averaged, tmp_path / "averaged")
    assert [step.loss for step in one] == [step.loss for step in other]
    assert not same(plain, averaged)


@pytest.mark.parametrize("change", [{"learning_rate": 0.1}, {"steps": 9}, {"ema": 0.0}])
def test_another_training_is_not_taken_up(change: dict[str, float], base: BaseModel, tmp_path: Path) -> None:
    taken(Guess(base), tmp_path, steps=4)
    (name,) = change
    with pytest.raises(UserError, match=f"holds another training, of {name} {getattr(PLAN, name)}, not {change[name]}"):
        taken(Guess(base), tmp_path, replace(PLAN, **change))


def test_a_state_of_another_base_or_system_is_refused(base: BaseModel, sd21_folder: Path, tmp_path: Path) -> None:
    taken(Guess(base), tmp_path, steps=4)
    with pytest.raises(UserError, match="holds another training, of base "):
        taken(Guess(load_base(sd21_folder)), tmp_path)

    class Other(Guess):
        name = "Other"

    with pytest.raises(UserError, match="of system Guess, not Other"):
        taken(Other(base), tmp_path)


def test_what_is_no_number_ends_it(base: BaseModel, tmp_path: Path) -> None:
    rival = Guess(base)
    with pytest.raises(UserError, match="the loss of Guess became nan at step 3: a lower learning rate"):
        for step in learn(rival, signs_batches(base), PLAN, folder=tmp_path):
            if step.step == 2:
                rival.guess.weight.data.fill_(torch.nan)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"steps": 0}, "steps must be above 0"),
        ({"ema": 1.0}, "ema must be below 1"),
        ({"prepared": -1}, "prepared must not be negative; got -1"),
    ],
)
def test_a_plan_that_makes_no_sense(change: dict[str, float], message: str) -> None:
    with pytest.raises(UserError, match=message):
        replace(PLAN, **change)
