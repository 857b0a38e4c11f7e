"""Does the control gain, early, foretell how well a training ends? Beside it: the training loss, and the held-out loss.

    python benchmarks/convergence/predict.py benchmarks/convergence/measured docs/pictures/gain-predicts.png

Over all runs of follow.py that are done: Spearman's rank correlation of each figure after 5, 10, 20 and 40 % of the
samples with the condition fidelity at the end, with the percentile bootstrap's 95 % interval over runs; and by how much
the control gain's is higher than the training loss's, on the same draws of runs.
"""

import argparse
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
import numpy as np
from follow import read_points
from matplotlib import pyplot as plt
from numpy.typing import NDArray
from runs import name_of
from scipy.stats import rankdata

from zeroconv.images import atomic_write

SHARES = (0.05, 0.1, 0.2, 0.4)
SHOWN = (0.1, 0.2)
RESAMPLES = 10_000
PREDICTORS: Mapping[str, tuple[Callable[[dict[str, Any]], float], int]] = {
    "control gain": (lambda point: point["gain"], 1),
    "gain over a wrong condition": (lambda point: point["shuffled_gain"], 1),
    "training loss": (lambda point: point["loss"], -1),
    "held-out loss": (lambda point: point["with_"], -1),
}
"""What is read from a measurement, and whether more of it (1) or less (-1) is better."""


@dataclass(frozen=True)
class Done:
    """A run that has ended."""

    name: str
    group: str
    samples: int
    points: Sequence[dict[str, Any]]

    @property
    def fidelity(self) -> float:
        """Mean condition fidelity at the end; 0 for a run whose loss was no number before any picture."""
        drawn = [point["fidelity"] for point in self.points if point["fidelity"] is not None]
        return float(np.mean(drawn[-1])) if drawn else 0.0

    def at(self, share: float) -> dict[str, Any] | None:
        """The last measurement after at most this share of the samples; None for a run that ended before one."""
        early = [point for point in self.points if point["samples"] <= share * self.samples]
        return early[-1] if early else None


def read_runs(folder: Path) -> list[Done]:
    """All runs of a folder that are done."""
    runs = []
    for path in sorted(folder.glob("*/done.json")):
        told = json.loads(path.read_text("utf-8"))
        kind = "paper's recipe" if told["released_start"] else "planted fault" if told["fault"] else "ours, varied"
        if told["settings"]["variant"] != "full":
            kind = "other architecture"
        runs.append(Done(name_of(path.parent.name), kind, told["samples"], read_points(path.parent)))
    return runs


def rank_correlation(values: NDArray[np.float64], ends: NDArray[np.float64]) -> float:
    """Spearman's: the correlation of the ranks; 0 where all ranks are equal."""
    first, second = rankdata(values), rankdata(ends)
    spread = first.std() * second.std()
    return float(((first - first.mean()) * (second - second.mean())).mean() / spread) if spread else 0.0


def redrawn(values: NDArray[np.float64], ends: NDArray[np.float64]) -> NDArray[np.float64]:
    """The correlation when the runs are drawn anew, many times; the same draws for every predictor."""
    draws = np.random.default_rng(0).integers(0, len(values), (RESAMPLES, len(values)))
    return np.array([rank_correlation(values[draw], ends[draw]) for draw in draws])


def told(value: float, draws: NDArray[np.float64]) -> str:
    """A figure and the middle 95 % of its draws."""
    low, high = np.quantile(draws, (0.025, 0.975))
    return f"{value:.2f} ({low:.2f} .. {high:.2f})"


def known(runs: Sequence[Done], name: str, share: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """What a predictor says after this share of the samples, more being better, and the fidelity at the end."""
    read, sign = PREDICTORS[name]
    values, ends = np.array(
        [(sign * read(point), run.fidelity) for run in runs if (point := run.at(share)) is not None]
    ).T
    return values, ends


def table(runs: Sequence[Done]) -> str:
    """One line a predictor, one column a share of the samples."""
    lines = [f"rank correlation with the fidelity at the end, {len(runs)} runs; in brackets 95 %"]
    lines.append(f"{'':30}" + "".join(f"{f'after {share:.0%}':>24}" for share in SHARES))
    found = {
        name: [(rank_correlation(*pairs), redrawn(*pairs)) for pairs in (known(runs, name, share) for share in SHARES)]
        for name in PREDICTORS
    }
    found["control gain - training loss"] = [
        (gain[0] - loss[0], gain[1] - loss[1])
        for gain, loss in zip(found["control gain"], found["training loss"], strict=True)
    ]
    for name, cells in found.items():
        lines.append(f"{name:30}" + "".join(f"{told(*cell):>24}" for cell in cells))
    return "\n".join(lines)


def draw(runs: Sequence[Done], path: Path) -> None:
    """A panel a predictor and a share of the samples: its value then against the fidelity at the end, a dot a run."""
    names = ("control gain", "training loss", "held-out loss")
    figure, rows = plt.subplots(
        len(SHOWN), len(names), figsize=(13, 4.2 * len(SHOWN)), sharey=True, layout="constrained"
    )
    for panels, share in zip(rows, SHOWN, strict=True):
        for panel, name in zip(panels, names, strict=True):
            for group in dict.fromkeys(run.group for run in runs):
                values, ends = known([run for run in runs if run.group == group], name, share)
                panel.scatter(PREDICTORS[name][1] * values, ends, label=group, s=28)
            panel.set_title(f"rank correlation {rank_correlation(*known(runs, name, share)):.2f}")
            panel.set_xlabel(f"{name} after {share:.0%} of the samples")
        panels[0].set_ylabel("Canny edge F1 at the end")
    rows[0, 0].legend(frameon=False, fontsize=8)
    with atomic_write(path) as temporary:
        figure.savefig(temporary, dpi=90, format=path.suffix.removeprefix("."))
    plt.close(figure)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("picture", type=Path)
    arguments = parser.parse_args()
    runs = read_runs(arguments.folder)
    if len(runs) < 3:
        raise SystemExit(f"expected three or more runs that are done in {arguments.folder}, got {len(runs)}")
    for run in sorted(runs, key=lambda run: -run.fidelity):
        print(f"{run.name:24}{run.group:20}F1 {run.fidelity:.3f}")
    print(table(runs))
    draw(runs, arguments.picture)


if __name__ == "__main__":
    main()
