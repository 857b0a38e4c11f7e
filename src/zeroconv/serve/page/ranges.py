"""How far the sliders of the conditions' options reach; what may be typed beside them is checked by the conditions."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Range:
    """A slider."""

    low: float
    high: float
    step: float


SEEDS = Range(0, 1000, 1)

RANGES: dict[tuple[str, str], Range] = {
    ("canny", "low"): Range(0, 500, 5),
    ("canny", "high"): Range(0, 500, 5),
    ("hough", "shortest"): Range(0, 0.5, 0.01),
    ("hough", "gap"): Range(0, 0.2, 0.005),
    ("hough", "value"): Range(0.01, 1, 0.01),
    ("hough", "distance"): Range(0.01, 1, 0.01),
    ("hed", "sigma"): Range(0.2, 8, 0.1),
    ("scribble", "thickness"): Range(1, 48, 1),
    ("pose", "confidence"): Range(0, 1, 0.05),
    ("normal", "bg_threshold"): Range(0, 1, 0.05),
    ("normal", "relief"): Range(0.1, 10, 0.1),
    ("lineart", "sigma"): Range(0.3, 8, 0.1),
    ("lineart", "detail"): Range(0, 1, 0.05),
    ("blur", "sigma"): Range(0.5, 40, 0.5),
    ("grey", "gamma"): Range(0.2, 4, 0.1),
    ("inpaint", "seed"): SEEDS,
    ("shuffle", "seed"): SEEDS,
    ("shuffle", "grain"): Range(0.05, 1, 0.05),
    ("tile", "factor"): Range(1, 32, 1),
}
"""By condition and option: where values are of use, within what the condition takes."""


def range_of(condition: str, option: str, default: float) -> Range:
    """The range of an option; of one that is not known here, from 0 to four times its default."""
    return RANGES.get((condition, option), Range(0, 4 * default or 1, (4 * default or 1) / 100))
