"""How far raters agree about the order of the same pictures.

R raters, M methods.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata


def kendalls_w(ranks: NDArray[np.float64]) -> float:
    """(R, M) ranks, a row a rater, ties as they are -> Kendall's coefficient of concordance W, 0 .. 1.

    W = 12 S / (R^2 (M^3 - M) - R sum of ties' t^3 - t), S the sum of squares of the rank sums about their mean
    (Kendall and Babington Smith 1939; correction for ties as in Siegel). 1: all orders equal; orders of pure chance
    give 1 / R on average, not 0. ValueError for fewer than two raters or methods.
    NaN where every rater ties everything.
    """
    if ranks.ndim != 2 or min(ranks.shape) < 2:
        raise ValueError(f"two or more raters and methods expected, got ranks of shape {ranks.shape}")
    raters, methods = ranks.shape
    placed = rankdata(ranks, axis=1)
    sums = placed.sum(axis=0)
    ties = (np.unique(row, return_counts=True)[1] for row in placed)
    tied = sum(float((counts**3 - counts).sum()) for counts in ties)
    possible = raters**2 * (methods**3 - methods) - raters * tied
    return float(12 * ((sums - sums.mean()) ** 2).sum() / possible) if possible else float("nan")


def mean_correlation(w: float, raters: int) -> float:
    """W of R raters without ties -> the mean of Spearman's correlation over all pairs of raters: (R W - 1) / (R - 1).

    It is W freed of what chance gives: 1 where all orders are equal, 0 on average where they are pure chance.
    """
    return (raters * w - 1) / (raters - 1)
