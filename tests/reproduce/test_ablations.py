"""The ablations: their rule on made-up figures, their cost, and all of it once with the fewest pictures and steps."""

from pathlib import Path

import numpy as np
import pytest

from zeroconv import load_base
from zeroconv.base import BaseModel
from zeroconv.evaluation.held_out import silent
from zeroconv.evaluation.sampler import Sampler
from zeroconv.evaluation.statistics import Estimate
from zeroconv.reproduce.bench import Bench
from zeroconv.reproduce.catalogue import EXPERIMENTS
from zeroconv.reproduce.experiments import ablations
from zeroconv.reproduce.experiments.ablated_systems import (
    FULL,
    GAUSSIAN,
    LITE,
    SYSTEMS,
    Ready,
    Scale,
    System,
    Unlocked,
    Variant,
)
from zeroconv.reproduce.experiments.ablation_measures import Seen
from zeroconv.reproduce.finding import Verdict
from zeroconv.reproduce.world import World
from zeroconv.variants import VARIANTS

FEW = Scale(
    seeds=1,
    scenes=12,
    held_out=8,
    changes={"steps": 2, "batch_size": 2, "save_every": 2, "gain_every": 0, "learning_rate": 1e-2, "warm_up": 0},
)
LORA = next(system for system in SYSTEMS if isinstance(system, Unlocked) and system.key == "lora")


def about(mean: float, width: float = 0.05) -> Estimate:
    return Estimate(mean, mean - width, mean + width, 64)


@pytest.mark.parametrize(
    ("over_lite", "over_gaussian", "start", "verdict"),
    [
        (0.2, 0.3, 0.9, Verdict.HOLDS),
        (0.2, 0.01, 0.9, Verdict.IN_PART),
        (-0.2, -0.2, 0.9, Verdict.IN_PART),
        (0.01, -0.2, 0.5, Verdict.FAILS),
        (0.01, 0.01, 0.1, Verdict.FAILS),
        (0.01, -0.01, 0.45, Verdict.OPEN),
    ],
)
def test_the_rule_of_the_ablations(over_lite: float, over_gaussian: float, start: float, verdict: Verdict) -> None:
    found, words = ablations.judge(about(over_lite), about(over_gaussian), about(start), about(0.4))
    assert found is verdict
    assert f"{over_lite:+.3f}" in words and f"{over_gaussian:+.3f}" in words


def test_every_variant_and_both_kinds_of_fine_tuning_are_there() -> None:
    assert {system.key for system in SYSTEMS} == VARIANTS.keys() | {"direct", "lora"}
    assert len({system.name for system in SYSTEMS}) == len(SYSTEMS) == 7
    assert EXPERIMENTS["ablations"].samples == 21 * 4000
    assert FULL.folder(0) == "ablation-full-0"


class Untrained(Variant):
    """Draws as it begins."""

    def trained(self, bench: Bench, seed: int, scale: Scale) -> Ready:
        return Ready(self.begun(bench, seed), 1.0, is_base_locked=True)


class UntrainedOne(Unlocked):
    """As if its training had changed the base to draw without words."""

    def trained(self, bench: Bench, seed: int, scale: Scale) -> Ready:
        draw = self.begun(bench, seed)
        return Ready(lambda prompts, asked, what: draw([""] * len(prompts), asked, what), 1.0, is_base_locked=False)


@pytest.fixture(scope="module")
def base() -> BaseModel:
    return load_base("tiny")


@pytest.fixture
def bench(base: BaseModel, tmp_path: Path) -> Bench:
    world = World(base.native_size, silent, reference=16)
    return Bench(base, world, tmp_path, count=2, sampler=Sampler(steps=1), cache=tmp_path / "cache")


def test_it_tells_what_joints_and_training_do_to_the_base(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    controlnets = [Untrained(system.name, system.key) for system in (FULL, LITE, GAUSSIAN)]
    monkeypatch.setattr(ablations, "SYSTEMS", (*controlnets, UntrainedOne(LORA.name, LORA.key, LORA.kind)))
    drawn: list[str] = []

    def counting(items, what):  # type: ignore[no-untyped-def]
        drawn.append(what)
        return items

    object.__setattr__(bench, "progress", counting)
    finding = ablations.run(bench, FEW)
    assert len(drawn) == ablations.drawings(seeds=1) == 1 + 4 * 5 + 1
    systems, spread, damage = (table.rows for table in finding.tables)
    assert list(spread) == ["ControlNet", "ControlNet-lite", "Gaussian joints", "LoRA fine-tuning"]
    assert list(systems) == list(damage) == [*spread, "the base alone"]
    as_base = {name: cells[1] for name, cells in damage.items()}
    assert as_base == dict.fromkeys(damage, "yes") | {"Gaussian joints": "no"}
    unlocked = {name for name, cells in damage.items() if cells[3].startswith("a copy")}
    assert unlocked == {"LoRA fine-tuning"}
    assert damage["ControlNet"][2] == damage["the base alone"][2] != damage["LoRA fine-tuning"][2]
    assert systems["ControlNet"][6] == systems["the base alone"][6] != systems["Gaussian joints"][6]
    assert set(finding.pictures) == {"prompt-none.jpg", "prompt-perfect.jpg"}
    assert not np.array_equal(*map(np.asarray, finding.pictures.values()))
    assert finding.words.endswith("the base's very pictures: ControlNet, ControlNet-lite, LoRA fine-tuning.")


@pytest.mark.parametrize("system", [LITE, LORA])
def test_a_system_trains_and_draws_otherwise_than_before(system: System, bench: Bench) -> None:
    held_out = bench.world.single_objects(bench.count)
    asked = bench.world.fidelity("canny").asked(held_out)
    ready = system.trained(bench, 1, FEW)
    assert ready.seconds > 0
    assert ready.is_base_locked is (system is LITE)
    drawn = ready.draw(held_out.captions, asked, "trained")
    assert not np.array_equal(drawn, system.begun(bench, 1)(held_out.captions, asked, "begun"))
    assert [path.name for path in (bench.out / "trainings").iterdir()] == [system.folder(1)]


def test_a_scene_counts_once_however_many_seeds_drew_it() -> None:
    quality = about(0.1)
    pictures = Seen([[0.0, 1.0], [0.5, 0.5]], [[1.0, 1.0], [0.0, 1.0]], quality, [0.1, 0.1])
    assert pictures.fidelity_by_picture == [0.25, 0.75]
    assert pictures.fidelities == [0.0, 1.0, 0.5, 0.5]
    assert (pictures.alignment.mean, pictures.alignment.count) == (0.75, 4)
