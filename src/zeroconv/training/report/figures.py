"""The report's pictures: the control gain, the other curves, and all of it as one PNG."""

import io
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from PIL import Image

from zeroconv.images import atomic_write
from zeroconv.training.gain_figure import LIGHT, Mark, Theme, draw_gain, new_figure, style_axes
from zeroconv.training.previews import growing_sheet
from zeroconv.training.report.facts import Rows, figures_of, origin_of, settings_of
from zeroconv.training.report.reading import RunRead

if TYPE_CHECKING:
    from matplotlib.figure import Figure, SubFigure

WIDTH = 11.0
"""Inches; at DPI dots an inch."""
DPI = 110
_TALLEST = 9.0
"""Inches that the sheet of pictures may take."""
_LINE = 0.155
"""Inches of a line of text."""
_PANELS = (
    ("loss", "training loss, smoothed over 50 steps", "linear"),
    ("learning_rate", "learning rate", "linear"),
    ("gradient_norm", "gradient norm before clipping", "log"),
    ("samples_per_second", "samples per second", "linear"),
)
_WINDOW = 50
"""Steps over which noisy curves are averaged."""


def gain_png(run: RunRead, theme: Theme) -> bytes:
    """The control gain over the steps as a PNG; its bands where they were measured."""
    figure = new_figure((9, 6.6 if any(point.bands for point in run.curve.points) else 4), theme)
    draw_gain(figure, run.curve, marks_of(run), theme)
    return _png(figure, theme)


def curves_png(run: RunRead, theme: Theme) -> bytes:
    """Loss, learning rate, gradient norm and speed as a PNG."""
    figure = new_figure((9, 5), theme)
    _draw_curves(figure, run, theme)
    return _png(figure, theme)


def previews_of(run: RunRead) -> Image.Image | None:
    """The growing sheet; None where no pictures were made."""
    return growing_sheet(run.folder.previews, until=run.done) if run.previews else None


def marks_of(run: RunRead) -> list[Mark]:
    """Where control set in."""
    return [] if run.onset is None else [Mark(run.onset.step, f"control has set in: step {run.onset.step}")]


def write_picture(path: Path, run: RunRead) -> None:
    """The report as one PNG: what it is, the curves, the pictures."""
    previews = previews_of(run)
    lines = max(text.count("\n") for text in _facts(run)) + 2 + _messages(run).count("\n") + 1
    heights = [1.0 + _LINE * lines, 6.4 if run.curve.points else 0.1, 4.8]
    if previews is not None:
        heights.append(min(WIDTH * previews.height / previews.width, _TALLEST))
    figure = new_figure((WIDTH, sum(heights)))
    parts = list(np.atleast_1d(np.asarray(figure.subfigures(len(heights), 1, height_ratios=heights))))
    _write_facts(parts[0], run, heights[0])
    if run.curve.points:
        draw_gain(parts[1], run.curve, marks_of(run))
    _draw_curves(parts[2], run, LIGHT)
    if previews is not None:
        axes = parts[3].add_subplot()
        axes.imshow(np.asarray(previews))
        axes.axis("off")
    with atomic_write(path) as temporary:
        figure.savefig(temporary, dpi=DPI)


def smoothed(values: Sequence[float], window: int = _WINDOW) -> npt.NDArray[np.float64]:
    """The mean of each value and those before it, at most `window` in all."""
    sums = np.concatenate([[0.0], np.cumsum(np.asarray(values, dtype=np.float64))])
    ends = np.arange(1, len(values) + 1)
    starts = np.maximum(0, ends - window)
    means: npt.NDArray[np.float64] = (sums[ends] - sums[starts]) / (ends - starts)
    return means


def _draw_curves(figure: "Figure | SubFigure", run: RunRead, theme: Theme) -> None:
    steps = [int(line["step"]) for line in run.steps]
    for position, (name, title, scale) in enumerate(_PANELS, 1):
        axes = figure.add_subplot(2, 2, position)
        style_axes(axes, theme)
        values = [float(line.get(name, float("nan"))) for line in run.steps]
        if values:
            if name != "learning_rate":
                axes.plot(steps, values, color=theme.lines[0], linewidth=0.5, alpha=0.25)
            line = values if name == "learning_rate" else smoothed(values)
            axes.plot(steps, line, color=theme.lines[0], linewidth=1.5)
        if values and name == "loss":
            axes.set_ylim(0, 1.3 * float(np.nanpercentile(values, 98)))
        for mark in marks_of(run):
            axes.axvline(mark.step, color=theme.lines[2], linewidth=1.0, linestyle="--")
        axes.set_yscale(scale if any(value > 0 for value in values) else "linear")
        axes.set_title(title, color=theme.text, fontsize=9)


def _facts(run: RunRead) -> list[str]:
    """Three columns of text: figures, origin, settings; long values are wrapped."""
    return ["\n".join(_wrapped(rows, width)) for rows, width in ((figures_of(run), 58), (origin_of(run), 58))] + [
        "\n".join(f"{name}: {value}" for name, value in settings_of(run))
    ]


def _messages(run: RunRead) -> str:
    return "\n".join(textwrap.fill(f"Step {step}: {text}", 170) for step, text in run.messages)


def _wrapped(rows: Rows, width: int) -> list[str]:
    return [textwrap.fill(f"{name}: {value}", width, subsequent_indent="    ") for name, value in rows]


def _write_facts(figure: "SubFigure", run: RunRead, height: float) -> None:
    """Heading, three columns, and below them what a person should know; `height` in inches."""
    figure.text(0.02, 1 - 0.2 / height, f"{run.headline} · {run.status}", fontsize=14, weight="bold", va="top")
    for left, text in zip((0.02, 0.38, 0.78), _facts(run), strict=True):
        figure.text(left, 1 - 0.7 / height, text, fontsize=8, va="top", linespacing=1.35)
    figure.text(0.02, 0.1 / height, _messages(run), fontsize=8, va="bottom", linespacing=1.35)


def _png(figure: "Figure", theme: Theme) -> bytes:
    content = io.BytesIO()
    figure.savefig(content, dpi=DPI, format="png", facecolor=theme.background)
    return content.getvalue()
