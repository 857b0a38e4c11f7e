"""A mean with its 95 % interval, and the mean difference of two measurements of the same pictures.

The interval is the percentile bootstrap's (Efron, Annals of Statistics 1979): the pictures are drawn anew with
replacement, and the middle 95 % of the means so found are reported. The draws come from a fixed seed, so that the same
values always give the same interval. It says how far the mean would move with other scenes and other noise, for this
one checkpoint; it says nothing of how far it would move with another training run.

N number of pictures, R number of resamples.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

CONFIDENCE = 0.95
RESAMPLES = 10_000  # the interval's ends then repeat to about 1 % of its width from seed to seed
SEED = 0
CHUNK = 500  # resamples drawn at once: bounds the memory, changes no result's meaning


@dataclass(frozen=True)
class Estimate:
    """A mean over `count` pictures and the two ends of its 95 % interval, in the unit of the values."""

    mean: float
    low: float
    high: float
    count: int


def estimate_mean(values: Sequence[float] | NDArray[np.float64]) -> Estimate:
    """N >= 2 finite values, one a picture -> their mean and its interval; ValueError for fewer or for others."""
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1 or len(array) < 2:
        raise ValueError(f"two or more values in a row expected for an interval, got shape {array.shape}")
    if not np.isfinite(array).all():
        raise ValueError(f"finite values expected, got {int((~np.isfinite(array)).sum())} others of {len(array)}")
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(_resampled_means(array), (tail, 1 - tail))
    return Estimate(float(array.mean()), float(low), float(high), len(array))


def estimate_difference(
    values: Sequence[float] | NDArray[np.float64], others: Sequence[float] | NDArray[np.float64]
) -> Estimate:
    """The mean of values - others, paired picture by picture (N each), and its interval; ValueError if N differs."""
    if len(values) != len(others):
        raise ValueError(f"as many values on both sides expected, got {len(values)} and {len(others)}")
    return estimate_mean(np.asarray(values, dtype=np.float64) - np.asarray(others, dtype=np.float64))


def estimate_relative(
    values: Sequence[float] | NDArray[np.float64], others: Sequence[float] | NDArray[np.float64]
) -> Estimate:
    """By which share of the others' mean the values' mean differs, paired picture by picture (N each): 0 for equal.

    ValueError where N differs, or where the others' mean is not above 0.
    """
    difference, reference = estimate_difference(values, others), np.asarray(others, dtype=np.float64)
    if reference.mean() <= 0:
        raise ValueError(f"a mean above 0 expected to compare with, got {reference.mean():g}")
    shares = _resampled_means(np.asarray(values, dtype=np.float64) - reference) / _resampled_means(reference)
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(shares, (tail, 1 - tail))
    return Estimate(difference.mean / float(reference.mean()), float(low), float(high), len(reference))


def estimate_closed(
    values: Sequence[float] | NDArray[np.float64],
    lower: Sequence[float] | NDArray[np.float64],
    upper: Sequence[float] | NDArray[np.float64],
) -> Estimate | None:
    """How much of the way from `lower` to `upper` the values have gone, as a share of means, paired (N each).

    1 is `upper`, 0 is `lower`; the same for errors, where less is better. None where `upper` cannot be told from
    `lower`, so that there is no way to go: their paired difference may be zero or of either sign.
    """
    way = estimate_difference(upper, lower)
    if not (way.low > 0 or way.high < 0):
        return None
    start = np.asarray(lower, dtype=np.float64)
    gone, whole = np.asarray(values, dtype=np.float64) - start, np.asarray(upper, dtype=np.float64) - start
    if len(gone) != len(whole):
        raise ValueError(f"as many values on both sides expected, got {len(gone)} and {len(whole)}")
    shares = _resampled_means(gone) / _resampled_means(whole)
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(shares, (tail, 1 - tail))
    return Estimate(float(gone.mean() / whole.mean()), float(low), float(high), len(gone))


def _resampled_means(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """(N,) -> (R,) means of as many samples of N values each, drawn with replacement."""
    generator = np.random.default_rng(SEED)
    draws = (generator.integers(0, len(values), size=(CHUNK, len(values))) for _ in range(RESAMPLES // CHUNK))
    return np.concatenate([values[draw].mean(axis=1) for draw in draws])
