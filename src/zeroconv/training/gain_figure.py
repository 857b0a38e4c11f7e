"""The control gain as a picture: the curve with its intervals, and below it one small panel a noise band."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from zeroconv.images import atomic_write
from zeroconv.training.bands import NAMES, Band
from zeroconv.training.curve import Curve

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure


class HasGain(Protocol):
    """A GainPoint, or one band of it."""

    @property
    def gain(self) -> float: ...
    @property
    def gain_interval(self) -> float | None: ...
    @property
    def shuffled_gain(self) -> float: ...
    @property
    def shuffled_gain_interval(self) -> float | None: ...


@dataclass(frozen=True)
class Theme:
    """Colours that can be told apart on their background, also by the colour-blind (after Okabe and Ito)."""

    background: str
    text: str
    lines: tuple[str, ...]


LIGHT = Theme("#ffffff", "#1b1f24", ("#0072b2", "#d55e00", "#009e73", "#6e7781"))
DARK = Theme("#14181d", "#e6e9ec", ("#56b4e9", "#e69f00", "#3fc79a", "#9aa4ae"))


@dataclass(frozen=True)
class Mark:
    """A step worth a vertical line."""

    step: int
    label: str


def write_gain_figure(path: Path, curve: Curve, marks: Sequence[Mark] = ()) -> None:
    """The curve as a PNG."""
    figure = new_figure((7, 6 if _has_bands(curve) else 4))
    draw_gain(figure, curve, marks)
    with atomic_write(path) as temporary:
        figure.savefig(temporary, dpi=120)


def new_figure(size: tuple[float, float], theme: Theme = LIGHT) -> "Figure":
    """An empty figure of `size` inches that needs no display."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=size, layout="constrained", facecolor=theme.background)
    FigureCanvasAgg(figure)
    return figure


def draw_gain(figure: "Figure | SubFigure", curve: Curve, marks: Sequence[Mark] = (), theme: Theme = LIGHT) -> None:
    """Lays the curve and, where they were measured, its bands into a figure."""
    heights, rows = ([2.2, 1], 2) if _has_bands(curve) else ([1], 1)
    grid = figure.add_gridspec(rows, len(NAMES), height_ratios=heights)
    whole = figure.add_subplot(grid[0, :])
    draw_points(whole, [point.step for point in curve.points], curve.points, theme)
    for mark in marks:
        whole.axvline(mark.step, color=theme.lines[2], linewidth=1.2, linestyle="--", label=mark.label)
    whole.set(xlabel="optimiser steps", ylabel="held-out loss difference")
    whole.set_title("Control gain (mean, 95 % interval)", color=theme.text)
    whole.legend(facecolor=theme.background, edgecolor=theme.lines[3], labelcolor=theme.text)
    first = None
    for column, name in enumerate(NAMES if rows > 1 else ()):
        panel = first = figure.add_subplot(grid[1, column], sharey=first)
        _draw_band(panel, curve, name, theme)
        panel.set_xlim(whole.get_xlim())
        panel.locator_params(axis="x", nbins=4)
        panel.tick_params(labelleft=column == 0)


def draw_points(axes: "Axes", steps: Sequence[int], points: Sequence[HasGain], theme: Theme) -> None:
    """Both differences over the steps with their intervals; nothing where there are no points."""
    style_axes(axes, theme)
    axes.axhline(0, color=theme.lines[3], linewidth=0.8)
    for colour, kind, label in zip(
        theme.lines,
        ("gain", "shuffled_gain"),
        ("without control - with", "wrong condition - right"),
        strict=False,
    ):
        values: list[float] = [getattr(point, kind) for point in points]
        widths: list[float] = [getattr(point, f"{kind}_interval") or 0.0 for point in points]
        low = [value - width for value, width in zip(values, widths, strict=True)]
        high = [value + width for value, width in zip(values, widths, strict=True)]
        axes.plot(steps, values, marker="o", markersize=2.5, linewidth=1.4, color=colour, label=label)
        axes.fill_between(steps, low, high, alpha=0.2, color=colour, linewidth=0)


def style_axes(axes: "Axes", theme: Theme) -> None:
    """Colours of the frame; a light grid."""
    axes.set_facecolor(theme.background)
    axes.grid(color=theme.lines[3], alpha=0.25, linewidth=0.6)
    axes.tick_params(colors=theme.text, labelsize=8)
    axes.xaxis.label.set_color(theme.text)
    axes.yaxis.label.set_color(theme.text)
    for side, spine in axes.spines.items():
        spine.set_visible(side in ("left", "bottom"))
        spine.set_color(theme.lines[3])


def _draw_band(axes: "Axes", curve: Curve, name: str, theme: Theme) -> None:
    found = [(point.step, band) for point in curve.points for band in point.bands if band.name == name]
    draw_points(axes, [step for step, _ in found], [band for _, band in found], theme)
    axes.set_title(_title(curve.bands, name), color=theme.text, fontsize=8)


def _title(bands: Sequence[Band], name: str) -> str:
    titles = {band.name: band.title.replace(", ", "\n") for band in bands}
    return titles.get(name, f"{name} noise")


def _has_bands(curve: Curve) -> bool:
    return any(point.bands for point in curve.points)
