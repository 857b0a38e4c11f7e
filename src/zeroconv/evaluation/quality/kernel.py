"""The kernel distance between two sets of pictures: the squared maximum mean discrepancy of their features.

Binkowski et al., arXiv 1801.01401, with its kernel (x . y / F + 1)^3, there of Inception's features and called KID.
Unlike the Frechet distance it is not made larger by few pictures; of equal sets it is zero on average, so that it may
come out below zero.

Letters: N and M pictures of the two sets, F features, R resamples.
"""

import numpy as np
from numpy.typing import NDArray

from zeroconv.evaluation.frechet import Features
from zeroconv.evaluation.statistics import CONFIDENCE, SEED, Estimate

RESAMPLES = 1000
ROWS = 512  # of the kernel matrix held at once: bounds the memory

Weights = NDArray[np.float64]  # (R, N) how often each picture is in each resample


def estimate_kernel(first: Features, second: Features) -> Estimate:
    """The unbiased distance of two sets (N, F) and (M, F), and the percentile bootstrap interval over the pictures.

    A picture drawn twice makes no pair with itself: such pairs would raise every resampled distance. Resamples of one
    picture alone, which occur where there are few, are left out. Of equal sets the interval is about twice too wide.
    """
    for features in (first, second):
        if features.ndim != 2 or len(features) < 2:
            raise ValueError(f"features (N, F) of two or more pictures expected, got shape {features.shape}")
    random = np.random.default_rng(SEED)
    one, two = _resamples(len(first), random), _resamples(len(second), random)
    have_pairs = (np.count_nonzero(one, 1) > 1) & (np.count_nonzero(two, 1) > 1)
    one, two = one[have_pairs], two[have_pairs]
    distances = _within(first, one) + _within(second, two) - 2 * _between(first, second, one, two)
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(distances[1:], (tail, 1 - tail))
    return Estimate(float(distances[0]), float(low), float(high), len(first))


def _resamples(count: int, random: np.random.Generator) -> Weights:
    """(1 + R, N): every picture once, then as often as it is drawn with replacement."""
    drawn = random.multinomial(count, np.full(count, 1 / count), size=RESAMPLES)
    return np.concatenate([np.ones((1, count)), drawn])


def _within(features: Features, weights: Weights) -> NDArray[np.float64]:
    """(1 + R,) means of the kernel over the pairs of different pictures."""
    sums = np.zeros(len(weights))
    for start in range(0, len(features), ROWS):
        block = slice(start, start + ROWS)
        kernel = _kernel(features[block], features)
        kernel[np.arange(len(kernel)), np.arange(start, start + len(kernel))] = 0
        sums += np.einsum("ri,ir->r", weights[:, block], kernel @ weights.T)
    pairs: NDArray[np.float64] = weights.sum(1) ** 2 - (weights**2).sum(1)
    return sums / pairs


def _between(first: Features, second: Features, one: Weights, two: Weights) -> NDArray[np.float64]:
    """(1 + R,) means of the kernel over the pairs of a picture of the first and one of the second set."""
    sums = np.zeros(len(one))
    for start in range(0, len(first), ROWS):
        block = slice(start, start + ROWS)
        sums += np.einsum("ri,ir->r", one[:, block], _kernel(first[block], second) @ two.T)
    pairs: NDArray[np.float64] = one.sum(1) * two.sum(1)
    return sums / pairs


def _kernel(first: Features, second: Features) -> NDArray[np.float64]:
    return np.asarray((first @ second.T / first.shape[1] + 1) ** 3)
