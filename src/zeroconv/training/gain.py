"""The control gain over training: does the ControlNet use its condition yet, and how much does that help?

On held-out examples with noise and time steps that never change: the loss without control minus the loss with it, and
the loss with another example's condition minus the loss with the right one. Both are zero at the start and, being
paired, vary so little that they show learning long before a picture does. The training loss does not.
"""

import csv
import io
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import torch
from torch import Tensor

from zeroconv.base import BaseModel
from zeroconv.control import ControlNet
from zeroconv.data.records import Batch
from zeroconv.images import atomic_write
from zeroconv.objective import Gain, control_gain


@dataclass(frozen=True)
class GainPoint:
    """The control gain after one step, as means over the held-out examples with 95 % intervals."""

    step: int
    without: float
    """Loss of the base alone."""
    with_: float
    """Loss with the ControlNet."""
    shuffled: float
    """Loss with the ControlNet reading another example's condition."""
    gain: float
    """without - with_."""
    gain_interval: float
    """Half the width of the 95 % interval of `gain`."""
    shuffled_gain: float
    """shuffled - with_: what the right condition is worth, beyond having a ControlNet at all."""
    shuffled_gain_interval: float


@torch.no_grad()
def measure_gain(base: BaseModel, controlnet: ControlNet, held_out: Sequence[Batch]) -> Gain:
    """The losses of all held-out examples: three tensors (number of examples,)."""
    was_training = controlnet.training
    controlnet.eval()
    parts = [control_gain(base, controlnet, batch) for batch in held_out]
    controlnet.train(was_training)
    return Gain(
        without=torch.cat([part.without for part in parts]),
        with_=torch.cat([part.with_ for part in parts]),
        shuffled=torch.cat([part.shuffled for part in parts]),
    )


def gain_point(step: int, gain: Gain) -> GainPoint:
    """Means and intervals of a measurement."""
    helped, lost = gain.without - gain.with_, gain.shuffled - gain.with_
    return GainPoint(
        step=step,
        without=gain.without.mean().item(),
        with_=gain.with_.mean().item(),
        shuffled=gain.shuffled.mean().item(),
        gain=helped.mean().item(),
        gain_interval=_interval(helped),
        shuffled_gain=lost.mean().item(),
        shuffled_gain_interval=_interval(lost),
    )


def write_curve(path: Path, curve: Sequence[GainPoint]) -> None:
    """The curve as CSV, one line a measurement."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(field.name for field in fields(GainPoint))
    for point in curve:
        writer.writerow(format(value, ".6g") if isinstance(value, float) else value for value in asdict(point).values())
    with atomic_write(path) as temporary:
        temporary.write_text(text.getvalue())


def read_curve(path: Path, until: int) -> list[GainPoint]:
    """The points of a CSV up to step `until`; none where there is no file."""
    if not path.exists():
        return []
    with path.open(newline="") as file:
        points = [GainPoint(int(step), *map(float, rest)) for step, *rest in list(csv.reader(file))[1:]]
    return [point for point in points if point.step <= until]


def plot_curve(path: Path, curve: Sequence[GainPoint]) -> None:
    """The curve as a picture."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.add_subplot()
    steps = [point.step for point in curve]
    for name, values, widths in (
        ("without control - with", [p.gain for p in curve], [p.gain_interval for p in curve]),
        ("wrong condition - right", [p.shuffled_gain for p in curve], [p.shuffled_gain_interval for p in curve]),
    ):
        low = [value - width for value, width in zip(values, widths, strict=True)]
        high = [value + width for value, width in zip(values, widths, strict=True)]
        axes.plot(steps, values, marker="o", markersize=3, label=name)
        axes.fill_between(steps, low, high, alpha=0.2)
    axes.axhline(0, color="grey", linewidth=0.8)
    axes.set(xlabel="optimiser steps", ylabel="held-out loss difference", title="Control gain (mean, 95 % interval)")
    axes.legend()
    FigureCanvasAgg(figure)
    with atomic_write(path) as temporary:
        figure.savefig(temporary, dpi=120)


def _interval(values: Tensor) -> float:
    if len(values) < 2:
        return 0.0
    return 1.96 * values.std().item() / math.sqrt(len(values))
