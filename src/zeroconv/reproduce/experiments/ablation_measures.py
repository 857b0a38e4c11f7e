"""What is measured of each system of the ablation, seed by seed and with all seeds together, and the tables of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from zeroconv.evaluation.held_out import HeldOut, Picture
from zeroconv.evaluation.measured import Asked, Fidelity
from zeroconv.evaluation.statistics import Estimate, estimate_mean
from zeroconv.reproduce.bench import Bench, scores
from zeroconv.reproduce.experiments.ablated_systems import Scale, System
from zeroconv.reproduce.finding import Cell, Table
from zeroconv.reproduce.prompt_settings import NONE, PERFECT
from zeroconv.reproduce.sheets import ROWS

Pictures = Sequence[Picture]


@dataclass(frozen=True, eq=False)
class Study:
    """What all systems are measured on."""

    bench: Bench
    scale: Scale
    held_out: HeldOut
    fidelity: Fidelity
    asked: Sequence[Asked]
    prompts: Mapping[str, Sequence[str]]
    uncontrolled: Pictures
    """The base's own, with the right words."""


@dataclass(frozen=True, eq=False)
class Seen:
    """Pictures of one prompt setting, of each seed in turn."""

    fidelity: Sequence[Sequence[float]]
    aligned: Sequence[Sequence[float]]
    quality: Estimate
    """Of the pictures of all seeds together."""
    quality_of_each: Sequence[float]

    @property
    def fidelities(self) -> list[float]:
        """Of all pictures of all seeds."""
        return [value for values in self.fidelity for value in values]

    @property
    def fidelity_by_picture(self) -> list[float]:
        """Of each scene the mean over all seeds: pictures of one scene from one noise are not independent."""
        return _means(list(zip(*self.fidelity, strict=True)))

    @property
    def alignment(self) -> Estimate:
        """Over all pictures of all seeds."""
        return estimate_mean([value for values in self.aligned for value in values])


@dataclass(frozen=True, eq=False)
class Measured:
    """One system."""

    trained: Mapping[str, Seen]
    """By prompt setting."""
    seconds: Sequence[float]
    """Of each seed's training."""
    begun: Seen
    """Before the first step, with the right words."""
    begins_as_base: bool
    """Whether every picture then equals the base's, bitwise."""
    without_control: Seen | None
    """Trained, with an empty condition image and the right words; None: the base, which is locked, draws as ever."""
    shown: Mapping[str, Pictures]
    """The first pictures of the first seed, by prompt setting."""


def measured(study: Study, system: System) -> Measured:
    """Train and draw with a system, seed by seed."""
    bench, right = study.bench, study.prompts[PERFECT]
    empty = [replace(one, image=np.zeros_like(one.image)) for one in study.asked]
    begun, without_control, seconds = [], [], []
    drawn: dict[str, list[Pictures]] = {name: [] for name in study.prompts}
    for seed in range(study.scale.seeds):
        what = f"{system.name}, seed {seed}"
        begun.append(system.begun(bench, seed)(right, study.asked, f"{what}, before training"))
        ready = system.trained(bench, seed, study.scale)
        seconds.append(ready.seconds)
        for name, prompts in study.prompts.items():
            drawn[name].append(ready.draw(prompts, study.asked, f"{what}, {name}"))
        if not ready.is_base_locked:
            without_control.append(ready.draw(right, empty, f"{what}, no control"))
    return Measured(
        trained={name: seen(study, pictures) for name, pictures in drawn.items()},
        seconds=seconds,
        begun=seen(study, begun),
        begins_as_base=all(np.array_equal(pictures, study.uncontrolled) for pictures in begun),
        without_control=seen(study, without_control) if without_control else None,
        shown={name: pictures[0][:ROWS] for name, pictures in drawn.items()},
    )


def seen(study: Study, drawn: Sequence[Pictures]) -> Seen:
    """Measure the pictures of each seed."""
    world = study.bench.world
    return Seen(
        fidelity=[scores(study.fidelity, pictures, study.asked) for pictures in drawn],
        aligned=[world.alignment(pictures, study.held_out.captions) for pictures in drawn],
        quality=world.quality([picture for pictures in drawn for picture in pictures]),
        quality_of_each=[world.quality(pictures).mean for pictures in drawn],
    )


def compared(study: Study, found: Mapping[str, Measured], base: Seen) -> Table:
    """Each system trained."""
    columns = (
        *(f"{study.fidelity.metric}, prompt: {name}" for name in study.prompts),
        f"{study.bench.world.alignment_name}, prompt: {PERFECT}",
        *(f"{_distance(study)}, prompt: {name}" for name in (NONE, PERFECT)),
        "seconds of training, mean",
    )
    rows: dict[str, tuple[Cell, ...]] = {
        name: (
            *(estimate_mean(one.fidelities) for one in m.trained.values()),
            m.trained[PERFECT].alignment,
            *(m.trained[prompt].quality for prompt in (NONE, PERFECT)),
            f"{sum(m.seconds) / len(m.seconds):.0f}",
        )
        for name, m in found.items()
    }
    unknown = [""] * (len(study.prompts) - 1)
    rows["the base alone"] = (*unknown, estimate_mean(base.fidelities), base.alignment, "", base.quality, "")
    return Table(f"systems trained, {study.scale.seeds} seeds pooled: intervals over pictures x seeds", columns, rows)


def spread(study: Study, found: Mapping[str, Measured]) -> Table:
    """How far seeds are apart."""
    columns = (
        *(f"{study.fidelity.metric}, prompt: {name}" for name in (NONE, PERFECT)),
        f"{study.bench.world.alignment_name}, prompt: {PERFECT}",
        f"{_distance(study)}, prompt: {PERFECT}",
    )
    rows: dict[str, tuple[Cell, ...]] = {}
    for name, m in found.items():
        right = m.trained[PERFECT]
        of_seeds = (_means(m.trained[NONE].fidelity), _means(right.fidelity), _means(right.aligned))
        rows[name] = tuple(f"{min(v):.3g} .. {max(v):.3g}" for v in (*of_seeds, right.quality_of_each))
    return Table(f"lowest .. highest mean of {study.scale.seeds} seeds", columns, rows)


def damage(study: Study, found: Mapping[str, Measured], base: Seen) -> Table:
    """What each does to the base's pictures before its first step, and to the base by its training."""
    columns = (
        f"before training: {_distance(study)}",
        "before training the base's pictures, bitwise",
        f"trained, without control: {_distance(study)}",
        "the base trained",
    )
    rows: dict[str, tuple[Cell, ...]] = {
        name: (
            m.begun.quality,
            "yes" if m.begins_as_base else "no",
            base.quality if m.without_control is None else m.without_control.quality,
            "locked: unchanged, by hash"
            if m.without_control is None
            else "a copy of it; drawn with an empty condition",
        )
        for name, m in found.items()
    }
    rows["the base alone"] = (base.quality, "yes", base.quality, "")
    return Table("damage to the base", columns, rows)


def _distance(study: Study) -> str:
    return f"{study.bench.world.quality_name}, less is better"


def _means(by_seed: Sequence[Sequence[float]]) -> list[float]:
    return [float(np.mean(values)) for values in by_seed]
