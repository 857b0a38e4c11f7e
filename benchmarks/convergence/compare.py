"""How many samples until control sets in, and until the fidelity that the paper's recipe ends with.

    python benchmarks/convergence/compare.py benchmarks/convergence/measured

The baseline is the paper's recipe at its own best learning rate and batch size, by the fidelity at the end. Onset is
that of `zeroconv train`: both differences of the control gain beyond 1 % of the loss, every look counted. Samples
between two measurements of fidelity are interpolated. Means over the seeds that are done, with every seed's value.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from predict import Done, read_runs

from zeroconv.training.gain import GainPoint
from zeroconv.training.onset import find_onset

SHARE = 0.95


def onset(run: Done) -> int | None:
    """Samples after which a measurement first shows that the condition is used."""
    names = GainPoint.__dataclass_fields__.keys() - {"bands"}
    points = [GainPoint(**{name: point[name] for name in names}) for point in run.points]
    found = find_onset(points, looks=len(points))
    return next(point["samples"] for point in run.points if point["step"] == found.step) if found else None


def curve(run: Done) -> list[tuple[int, float]]:
    """(samples, mean fidelity) where pictures were drawn."""
    return [(point["samples"], float(np.mean(point["fidelity"]))) for point in run.points if point["fidelity"]]


def samples_until(run: Done, fidelity: float) -> float | None:
    """Samples after which the fidelity is first reached; None where it never is."""
    before = (0, 0.0)
    for samples, value in curve(run):
        if value >= fidelity:
            return before[0] + (samples - before[0]) * (fidelity - before[1]) / (value - before[1])
        before = (samples, value)
    return None


def row(name: str, runs: Sequence[Done], goal: float) -> str:
    """One recipe: its seeds' onset, samples until the goal and fidelity at the end."""

    def values(found: Sequence[Any]) -> str:
        return " ".join("never" if value is None else f"{value:.0f}" for value in found)

    ends = np.array([run.fidelity for run in runs])
    seconds = [point["seconds"] / point["samples"] for run in runs for point in run.points[-1:]]
    return (
        f"{name:22}{len(runs):6}{values([onset(run) for run in runs]):>18}"
        f"{values([samples_until(run, goal) for run in runs]):>24}{ends.mean():10.3f}{np.mean(seconds) * 1e3:10.0f}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    arguments = parser.parse_args()
    recipes: dict[str, list[Done]] = {}
    for run in read_runs(arguments.folder):
        recipes.setdefault(run.name.partition(":")[0], []).append(run)
    paper = {name: runs for name, runs in recipes.items() if name.startswith("paper")}
    if not paper:
        raise SystemExit(f"no run of the paper's recipe is done in {arguments.folder}")
    best = max(paper, key=lambda name: np.mean([run.fidelity for run in paper[name]]))
    goal = SHARE * float(np.mean([run.fidelity for run in paper[best]]))
    print(f"the paper's recipe at its best is {best}; the goal, {SHARE:.0%} of its fidelity at the end, is {goal:.3f}")
    print(f"{'':22}{'seeds':>6}{'onset, samples':>18}{'samples until goal':>24}{'F1 at end':>10}{'ms/sample':>10}")
    for name, runs in sorted(recipes.items(), key=lambda item: -np.mean([run.fidelity for run in item[1]])):
        print(row(name, runs, goal))


if __name__ == "__main__":
    main()
