"""Means over raters and tasks with intervals that allow for both: other raters, and other pictures.

The crossed ("pigeonhole") bootstrap (Owen, Annals of Applied Statistics 2007, arXiv 0712.1111): raters are drawn anew
with replacement, tasks are drawn anew with replacement, and an answer counts as often as its rater times as often as
its task. Answers of one rater, and answers to one task, hang together; a bootstrap over single answers would take them
for independent and give intervals that are too narrow.

R raters, T tasks, K quantities, B resamples.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zeroconv.evaluation.statistics import CONFIDENCE, RESAMPLES, SEED, Estimate

_DRAWS = f"{RESAMPLES} resamples, seed {SEED}"
METHOD = f"{CONFIDENCE:.0%} percentile bootstrap over raters and tasks, crossed (Owen 2007), {_DRAWS}"
CHUNK = 1000  # resamples at once: bounds the memory, changes no result's meaning


@dataclass(frozen=True)
class CrossedMean:
    """A mean with its interval, and how far raters differ."""

    estimate: Estimate
    spread: float | None
    """Standard deviation over raters of each rater's own mean; None of a single rater."""


def crossed_means(values: NDArray[np.float64]) -> list[CrossedMean]:
    """(R, T, K), NaN where there is no answer -> K means over the answers. ValueError where a quantity has none."""
    answered = np.isfinite(values)
    if not answered.any(axis=(0, 1)).all():
        raise ValueError("at least one answer expected for each mean")
    filled = np.where(answered, values, 0.0)
    sums, counts = _resampled_sums(np.stack([filled, answered.astype(np.float64)]))
    with np.errstate(invalid="ignore"):
        means = sums / counts  # (B, K); NaN where the raters drawn have answered none of the tasks drawn
    tail = (1 - CONFIDENCE) / 2
    low, high = np.nanquantile(means, (tail, 1 - tail), axis=0)
    mean = filled.sum(axis=(0, 1)) / answered.sum(axis=(0, 1))
    spreads = _spreads(filled, answered)
    return [
        CrossedMean(Estimate(float(m), float(a), float(b), int(n)), spread)
        for m, a, b, n, spread in zip(mean, low, high, answered.sum(axis=(0, 1)), spreads, strict=True)
    ]


def _resampled_sums(layers: NDArray[np.float64]) -> NDArray[np.float64]:
    """(2, R, T, K) -> (2, B, K): sums over raters and tasks, each as often as it was drawn."""
    generator = np.random.default_rng(SEED)
    _, raters, tasks, quantities = layers.shape
    flat = layers.transpose(1, 0, 2, 3).reshape(raters, -1)
    chunks = []
    for _ in range(RESAMPLES // CHUNK):
        rater_counts = generator.multinomial(raters, np.full(raters, 1 / raters), CHUNK).astype(np.float64)
        task_counts = generator.multinomial(tasks, np.full(tasks, 1 / tasks), CHUNK).astype(np.float64)
        by_task = (rater_counts @ flat).reshape(CHUNK, 2, tasks, quantities)
        chunks.append(np.einsum("bltk,bt->lbk", by_task, task_counts))
    return np.concatenate(chunks, axis=1)


def _spreads(filled: NDArray[np.float64], answered: NDArray[np.bool_]) -> list[float | None]:
    """Standard deviation over the raters who answered of their own means, one a quantity."""
    spreads: list[float | None] = []
    for quantity in range(filled.shape[2]):
        counts = answered[:, :, quantity].sum(axis=1)
        own = filled[:, :, quantity].sum(axis=1)[counts > 0] / counts[counts > 0]
        spreads.append(float(own.std(ddof=1)) if len(own) > 1 else None)
    return spreads
