"""The Frechet distance between two sets of pictures: how far apart two Gaussians lie that are fitted to their features.

Heusel et al., arXiv 1706.08500 (there with Inception's features; the features here are the caller's choice, and
distances of different features cannot be compared).
Letters: N pictures of a set, F features.
"""

from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from zeroconv.evaluation.statistics import CONFIDENCE, SEED, Estimate

Features = NDArray[np.float64]  # (N, F)
RESAMPLES = 50


def frechet_distance(first: Features, second: Features) -> float:
    """|m1 - m2|^2 + tr(S1 + S2 - 2 sqrt(S1 S2)) of two sets of at least two pictures each, (N, F) and (M, F)."""
    for features in (first, second):
        if features.ndim != 2 or len(features) < 2:
            raise ValueError(f"features (N, F) of two or more pictures expected, got shape {features.shape}")
    gap = first.mean(0) - second.mean(0)
    if min(len(first), len(second)) <= first.shape[1]:
        return float(gap @ gap + _distance_of_few(first - first.mean(0), second - second.mean(0)))
    one, two = np.cov(first, rowvar=False, ddof=1), np.cov(second, rowvar=False, ddof=1)
    root = _square_root(np.atleast_2d(one))
    shared = np.linalg.eigvalsh(root @ np.atleast_2d(two) @ root).clip(min=0)
    return float(gap @ gap + np.trace(np.atleast_2d(one)) + np.trace(np.atleast_2d(two)) - 2 * np.sqrt(shared).sum())


def estimate_frechet(first: Features, second: Features) -> Estimate:
    """The distance of so many pictures, with the normal interval of the bootstrap's spread.

    Few pictures make any distance larger than it is, and resampling them more so: only distances of equally many
    pictures may be compared, and the resampled distances tell the spread alone.
    """
    distance, random = frechet_distance(first, second), np.random.default_rng(SEED)
    draws = [
        frechet_distance(
            first[random.integers(0, len(first), len(first))], second[random.integers(0, len(second), len(second))]
        )
        for _ in range(RESAMPLES)
    ]
    reach = NormalDist().inv_cdf((1 + CONFIDENCE) / 2) * float(np.std(draws, ddof=1))
    return Estimate(distance, max(0.0, distance - reach), distance + reach, len(first))


def _distance_of_few(first: Features, second: Features) -> float:
    """The traces' part of the distance, of centred features A (N, F) and B (M, F), N or M at most F.

    Where S1 = A'A / (N - 1) and S2 = B'B / (M - 1), the roots of the eigenvalues of S1 S2 are the singular values of
    AB' / sqrt((N - 1)(M - 1)): a matrix of pictures instead of two of features.
    """
    one, two = first / np.sqrt(len(first) - 1), second / np.sqrt(len(second) - 1)
    shared = np.linalg.svd(one @ two.T, compute_uv=False)
    return float(np.square(one).sum() + np.square(two).sum() - 2 * shared.sum())


def _square_root(matrix: Features) -> Features:
    """The symmetric root of a symmetric positive semi-definite matrix (F, F)."""
    values, vectors = np.linalg.eigh(matrix)
    return np.asarray((vectors * np.sqrt(values.clip(min=0))) @ vectors.T)
