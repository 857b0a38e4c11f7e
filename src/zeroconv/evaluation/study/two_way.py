"""What the answers of the two-way test say: can people tell which of two systems made a picture?

The paper (arXiv 2302.05543, section 4.3) calls the share of right answers precision. One half is chance.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import binomtest, ttest_1samp

from zeroconv.evaluation.study.answers import Answer
from zeroconv.evaluation.study.crossed import CrossedMean, crossed_means
from zeroconv.evaluation.study.key import Key

CHANCE = 0.5


@dataclass(frozen=True)
class RaterPrecision:
    """One rater's answers."""

    rater: str
    right: int
    count: int
    p_value: float
    """Exact binomial test against chance, two-sided."""


@dataclass(frozen=True)
class ToldApart:
    """The outcome of the two-way test."""

    precision: CrossedMean
    of_system: dict[str, CrossedMean]
    """Method -> the share of its pictures that were called its own; left out where nobody was asked about it."""
    raters: tuple[RaterPrecision, ...]
    p_value: float | None
    """Student's test of the raters' precisions against chance, two-sided (raters differ: answers are not independent).
    None for fewer than two raters, or where all have the same precision."""


def told_apart(answers: Sequence[Answer], key: Key) -> ToldApart | None:
    """The outcome; None where nobody answered."""
    if not answers:
        return None
    raters = {rater: index for index, rater in enumerate(sorted({answer.rater for answer in answers}))}
    tasks = {task: index for index, task in enumerate(key.tasks)}
    right = np.full((len(raters), len(tasks), 1), np.nan)
    for answer in answers:
        right[raters[answer.rater], tasks[answer.task], 0] = is_right(answer, key)
    made_by = np.array([next(iter(task.items.values())) for task in key.tasks.values()])
    of_system = {method: right[:, made_by == method] for method in key.methods}
    own = tuple(_own(rater, right[index, :, 0]) for rater, index in raters.items())
    return ToldApart(
        crossed_means(right)[0],
        {method: crossed_means(part)[0] for method, part in of_system.items() if np.isfinite(part).any()},
        own,
        _against_chance([rater.right / rater.count for rater in own]),
    )


def is_right(answer: Answer, key: Key) -> bool:
    """Whether the system that was named made the picture."""
    (method,) = key.tasks[answer.task].items.values()
    return key.systems[answer.system] == method


def _own(rater: str, right: np.ndarray) -> RaterPrecision:
    given = right[np.isfinite(right)]
    hits = int(given.sum())
    return RaterPrecision(rater, hits, len(given), float(binomtest(hits, len(given), CHANCE).pvalue))


def _against_chance(precisions: Sequence[float]) -> float | None:
    if len(precisions) < 2 or np.ptp(precisions) == 0:
        return None
    return float(ttest_1samp(precisions, CHANCE).pvalue)
