"""The report's rows of text: figures, settings, and what was trained on what."""

import json
import math
from collections.abc import Mapping

from zeroconv.training.gain import GainPoint
from zeroconv.training.report.reading import RunRead

Rows = list[tuple[str, str]]
"""A name and what it is, row by row."""


def figures_of(run: RunRead) -> Rows:
    """What came of it so far."""
    rows: Rows = []
    if run.last is not None:
        rows += [
            ("control gain", _with_interval(run.last.gain, run.last.gain_interval, run.last)),
            (
                "wrong condition costs",
                _with_interval(run.last.shuffled_gain, run.last.shuffled_gain_interval, run.last),
            ),
            ("held-out loss", f"{run.last.with_:.4g} with control, {run.last.without:.4g} without"),
        ]
        set_in = "not shown yet" if run.onset is None else run.onset.sentence.removeprefix("the control has set in ")
        rows.append(("control set in", set_in))
    if run.best is not None:
        kept = ", kept in best/" if run.has_best else ""
        rows.append(("best step", f"{run.best.step}, gain {run.best.gain:.4g}{kept}"))
    if run.steps:
        last = run.steps[-50:]
        rows.append(("training loss", f"{_mean(last, 'loss'):.4g} (mean of the last {len(last)} logged steps)"))
        rows.append(("speed", f"{_mean(last, 'samples_per_second'):.3g} samples/s"))
    if "seconds" in run.training:
        rows.append(("time", f"{float(run.training['seconds']) / 60:.1f} minutes"))
    return rows


def settings_of(run: RunRead) -> Rows:
    """The settings of the run."""
    return [(name.replace("_", " "), _shown(value)) for name, value in run.config.items()]


def origin_of(run: RunRead) -> Rows:
    """Base, data, condition, machine and versions."""
    about = run.about
    rows = [
        ("base", str(about.get("base"))),
        ("base fingerprint", str(about.get("base_fingerprint"))),
        ("base hash before and after", _hashes(run.training)),
        ("condition", _shown(about.get("condition"))),
        ("data", _shown(about.get("data"))),
        ("held-out examples", str(run.last.examples or "not told") if run.last else "none"),
        ("machine", _shown(about.get("machine"))),
        ("versions", _shown(about.get("versions"))),
    ]
    return rows


def bands_of(run: RunRead) -> list[tuple[str, str, str]]:
    """Noise band, gain, and what a wrong condition costs, at the last measurement that has bands."""
    point = next((point for point in reversed(run.curve.points) if point.bands), None)
    titles = {band.name: band.title for band in run.curve.bands}
    return [
        (
            titles.get(band.name, f"{band.name} noise"),
            _with_interval(band.gain, band.gain_interval),
            _with_interval(band.shuffled_gain, band.shuffled_gain_interval),
        )
        for band in (point.bands if point else ())
    ]


def _hashes(training: Mapping[str, object]) -> str:
    before, after = training.get("base_hash_before"), training.get("base_hash_after")
    if not before:
        return "told once the run is finished"
    config = training.get("config")
    unlocked = config.get("unlock", "none") if isinstance(config, Mapping) else "none"
    what = "" if unlocked == "none" else f" (of what stayed locked; unlocked: {unlocked})"
    return (f"{before}, unchanged" if before == after else f"{before} -> {after}") + what


def _with_interval(value: float, width: float | None, point: GainPoint | None = None) -> str:
    """A gain and half its interval, to two digits of the latter: 0.0000 ± 0.0000 would say nothing of an early gain."""
    digits = 4 if not width else min(max(4, 1 - math.floor(math.log10(width))), 9)
    share = f" ({value / point.without:.1%} of the base's loss)" if point is not None and point.without else ""
    return f"{value:.{digits}f}" + ("" if width is None else f" ± {width:.{digits}f}") + share


def _mean(lines: object, name: str) -> float:
    values = [float(line[name]) for line in lines if name in line]  # type: ignore[attr-defined]
    return sum(values) / max(1, len(values))


def _shown(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_shown(part)}" for name, part in value.items()) or "none"
    if isinstance(value, float):
        return f"{value:g}"
    return value if isinstance(value, str) else json.dumps(value)
