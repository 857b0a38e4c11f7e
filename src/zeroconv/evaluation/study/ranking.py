"""What the answers of a ranking say of each method: average human ranking, agreement, and who is put above whom.

Average human ranking (AHR; Table 1 of arXiv 2302.05543 says average user ranking): the mean of the ranks that a
method's pictures were given, 1 the worst, M the best.

R raters, T tasks (groups of pictures), M methods.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zeroconv.evaluation.statistics import Estimate, estimate_mean
from zeroconv.evaluation.study.agreement import kendalls_w, mean_correlation
from zeroconv.evaluation.study.answers import Answer
from zeroconv.evaluation.study.crossed import CrossedMean, crossed_means
from zeroconv.evaluation.study.key import Key


@dataclass(frozen=True)
class Agreement:
    """Means over the groups that two or more raters answered; `count` of the estimates is their number."""

    w: Estimate
    """Kendall's W."""
    correlation: Estimate
    """Mean of Spearman's correlation over pairs of raters: 0 is chance."""


@dataclass(frozen=True)
class Ranked:
    """One question's outcome."""

    question: str
    means: dict[str, CrossedMean]
    """Method -> average human ranking."""
    above: dict[tuple[str, str], Estimate]
    """(better, other) -> the share of answers that put the one above the other, a tie as one half; 0.5 is chance."""
    agreement: Agreement | None
    """None where no two groups were answered by two raters."""


def ranked(answers: Sequence[Answer], key: Key, question: str) -> Ranked | None:
    """The outcome of one question; None where nobody answered it."""
    ranks = rank_array([answer for answer in answers if answer.question == question], key)
    if ranks.size == 0:
        return None
    means = dict(zip(key.methods, crossed_means(ranks), strict=True))
    by_mean = sorted(range(len(key.methods)), key=lambda m: -means[key.methods[m]].estimate.mean)
    pairs = list(itertools.combinations(by_mean, 2))
    wins = np.stack([(1 + np.sign(ranks[:, :, a] - ranks[:, :, b])) / 2 for a, b in pairs], axis=2)
    shares = [crossed.estimate for crossed in crossed_means(wins)]
    above = {(key.methods[a], key.methods[b]): share for (a, b), share in zip(pairs, shares, strict=True)}
    return Ranked(question, means, above, _agreement(ranks))


def rank_array(answers: Sequence[Answer], key: Key) -> NDArray[np.float64]:
    """Answers to one question -> (R, T, M) ranks, NaN where there is no answer; raters sorted, tasks as in the key."""
    raters = {rater: index for index, rater in enumerate(sorted({answer.rater for answer in answers}))}
    tasks = {task: index for index, task in enumerate(key.tasks)}
    methods = {method: index for index, method in enumerate(key.methods)}
    ranks = np.full((len(raters), len(tasks), len(methods)), np.nan)
    for answer in answers:
        for item, rank in answer.ranks.items():
            ranks[raters[answer.rater], tasks[answer.task], methods[key.tasks[answer.task].items[item]]] = rank
    return ranks


def _agreement(ranks: NDArray[np.float64]) -> Agreement | None:
    found = []
    for group in ranks.transpose(1, 0, 2):
        answered = group[np.isfinite(group).all(axis=1)]
        if len(answered) > 1 and np.isfinite(w := kendalls_w(answered)):
            found.append((w, mean_correlation(w, len(answered))))
    if len(found) < 2:
        return None
    ws, correlations = zip(*found, strict=True)
    return Agreement(estimate_mean(ws), estimate_mean(correlations))
