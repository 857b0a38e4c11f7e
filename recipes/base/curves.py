"""The curves of the base's training as a picture for its model card.

    python recipes/base/curves.py --autoencoder STATE/autoencoder/log.jsonl --denoiser STATE/denoiser/log.jsonl \\
        --out src/zeroconv/models/tiny/curves.png

A training that was done in several runs, each warm-started from the one before, has one log a run, in their order.
"""

import argparse
import json
from pathlib import Path

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from zeroconv.images import atomic_write


def read(path: Path) -> dict[int, dict[str, float]]:
    """The rows of a log by their step; a step that was taken again counts once, other lines do not count."""
    rows = [json.loads(line) for line in path.read_text().splitlines() if line.startswith("{")]
    return {row["step"]: row for row in rows}


def draw(axes: object, logs: list[Path], keys: tuple[str, ...]) -> None:
    """One line for each key over the steps of all runs; where a new run began there is a vertical line."""
    before, steps, values = 0, [], {key: [] for key in keys}
    for log in logs:
        rows = read(log)
        if before:
            axes.axvline(before, color="grey", linewidth=0.8, linestyle=":")
        steps += [before + step for step in rows]
        for key in keys:
            values[key] += [row[key] for row in rows.values()]
        before += max(rows)
    for key in keys:
        axes.plot(steps, values[key], label=key)
    axes.locator_params(axis="x", nbins=6)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--autoencoder", type=Path, nargs="+", required=True)
    parser.add_argument("--denoiser", type=Path, nargs="+", required=True)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    figure = Figure(figsize=(9, 3.2), layout="constrained")
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2)
    draw(left, arguments.autoencoder, ("psnr",))
    left.set(xlabel="steps of 8 crops", ylabel="dB on held-out pictures", title="Autoencoder")
    draw(right, arguments.denoiser, ("loss", "objects"))
    right.set(xlabel="steps of 32 pictures", ylabel="loss", title="U-Net and text encoder")
    right.legend()
    with atomic_write(arguments.out) as temporary:
        figure.savefig(temporary, dpi=90, format="png")


if __name__ == "__main__":
    main()
