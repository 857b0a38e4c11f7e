"""The arithmetic of a study, against scipy and on simulated raters whose truth is known."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import stats
from studies import METHODS, ranking_study, simulated, two_way_study

from zeroconv.evaluation.study.agreement import kendalls_w, mean_correlation
from zeroconv.evaluation.study.answers import Answer
from zeroconv.evaluation.study.crossed import crossed_means
from zeroconv.evaluation.study.ranking import rank_array, ranked
from zeroconv.evaluation.study.two_way import told_apart

PAPER = np.array([4.22, 3.93, 3.21, 2.52, 1.10])  # Table 1, quality


def orders(dice: np.random.Generator, raters: int, methods: int) -> np.ndarray:
    """(R, M) ranks of pure chance."""
    return dice.random((raters, methods)).argsort(axis=1).argsort(axis=1) + 1.0


def noisy_ranks(dice: np.random.Generator, raters: int, tasks: int, worth: np.ndarray) -> np.ndarray:
    """(R, T, M) ranks of raters who differ in taste about methods whose pictures differ from group to group."""
    taste = dice.normal(0, 0.5, (raters, 1, len(worth)))
    luck = dice.normal(0, 0.7, (1, tasks, len(worth)))
    seen = worth + taste + luck + dice.normal(0, 1, (raters, tasks, len(worth)))
    return seen.argsort(axis=2).argsort(axis=2) + 1.0


@pytest.mark.parametrize("ties", [False, True])
def test_kendalls_w_is_that_of_friedmans_test(ties: bool) -> None:
    dice = np.random.default_rng(0)
    ranks = dice.integers(1, 4, (9, 6)).astype(float) if ties else orders(dice, 9, 6)
    friedman = stats.friedmanchisquare(*ranks.T).statistic  # = R (M - 1) W, corrected for ties
    assert kendalls_w(ranks) == pytest.approx(friedman / (9 * 5))


def test_w_is_one_for_equal_raters_and_falls_to_zero_for_many_random_ones() -> None:
    assert kendalls_w(np.tile([3.0, 1.0, 2.0, 5.0, 4.0], (7, 1))) == pytest.approx(1)
    assert kendalls_w(np.array([[1.0, 2, 3, 4], [4, 3, 2, 1]])) == pytest.approx(0)
    assert kendalls_w(orders(np.random.default_rng(1), 400, 5)) < 0.02
    assert np.isnan(kendalls_w(np.ones((3, 4))))
    with pytest.raises(ValueError, match="two or more raters"):
        kendalls_w(np.ones((1, 4)))


def test_freed_of_chance_w_is_the_mean_of_spearmans_correlations() -> None:
    ranks = orders(np.random.default_rng(2), 6, 5)
    pairs = stats.spearmanr(ranks.T).statistic[np.triu_indices(6, 1)]
    assert mean_correlation(kendalls_w(ranks), 6) == pytest.approx(pairs.mean())


def test_the_mean_and_its_spread_are_those_of_the_table() -> None:
    ranks = np.random.default_rng(3).random((4, 6, 2))
    first, second = crossed_means(ranks)
    assert first.estimate.mean == pytest.approx(ranks[:, :, 0].mean()) and first.estimate.count == 24
    assert second.spread == pytest.approx(ranks[:, :, 1].mean(axis=1).std(ddof=1))
    assert crossed_means(ranks) == [first, second]


def test_missing_answers_are_left_out_and_not_taken_for_zero() -> None:
    ranks = np.full((3, 4, 1), 2.0)
    ranks[0, 1:], ranks[2, 0] = np.nan, np.nan
    (mean,) = crossed_means(ranks)
    assert mean.estimate.mean == mean.estimate.low == mean.estimate.high == 2.0 and mean.estimate.count == 8
    assert mean.spread == 0
    with pytest.raises(ValueError, match="at least one answer"):
        crossed_means(np.full((2, 2, 1), np.nan))


@pytest.mark.parametrize("of", ["raters", "tasks"])
def test_the_interval_is_as_wide_as_what_varies(of: str) -> None:
    """Where only raters differ (or only tasks), it is the textbook's interval of as many independent values."""
    own = np.random.default_rng(4).normal(3, 1, 30)
    values = np.broadcast_to(own[:, None, None] if of == "raters" else own[None, :, None], (30, 30, 1)).copy()
    (mean,) = crossed_means(values)
    half = 1.96 * own.std() / np.sqrt(30)
    assert mean.estimate.high - mean.estimate.low == pytest.approx(2 * half, rel=0.05)


def test_intervals_cover_the_truth_of_simulated_raters() -> None:
    """12 raters, 20 groups, 5 methods as in the paper; the truth is the mean over very many raters and groups."""
    worth = PAPER - PAPER.mean()
    truth = noisy_ranks(np.random.default_rng(5), 300, 300, worth).mean(axis=(0, 1))
    covered, trials = 0, 30
    for trial in range(trials):
        means = crossed_means(noisy_ranks(np.random.default_rng(100 + trial), 12, 20, worth))
        covered += sum(m.estimate.low <= true <= m.estimate.high for m, true in zip(means, truth, strict=True))
    assert 0.88 <= covered / (5 * trials) <= 1


def test_a_ranking_finds_the_order_and_who_is_above_whom(tmp_path: Path) -> None:
    key = ranking_study(tmp_path, groups=10).key
    ranks = noisy_ranks(np.random.default_rng(6), 8, 10, np.array([3.0, 1.5, 0.0]))
    ranks[2, 5] = np.nan
    outcome = ranked(simulated(key, ranks).counted, key, "quality")
    assert outcome is not None and outcome.agreement is not None
    for index, method in enumerate(METHODS):
        assert outcome.means[method].estimate.mean == pytest.approx(np.nanmean(ranks[:, :, index]))
        assert outcome.means[method].estimate.count == 79
    assert list(outcome.above) == [("controlnet", "lite"), ("controlnet", "piti"), ("lite", "piti")]
    given = ranks[np.isfinite(ranks).all(axis=2)]
    assert outcome.above["controlnet", "piti"].mean == pytest.approx((given[:, 0] > given[:, 2]).mean())
    assert outcome.above["controlnet", "piti"].low > 0.5
    whole = [kendalls_w(group[np.isfinite(group).all(axis=1)]) for group in ranks.transpose(1, 0, 2)]
    assert outcome.agreement.w.mean == pytest.approx(np.mean(whole)) and outcome.agreement.w.count == 10
    assert ranked(simulated(key, ranks).counted, key, "fidelity") is None


def test_random_raters_agree_no_more_than_chance_and_equal_ones_wholly(tmp_path: Path) -> None:
    key = ranking_study(tmp_path, groups=40).key
    dice = np.random.default_rng(7)
    chance = ranked(simulated(key, np.stack([orders(dice, 40, 3) for _ in range(12)])).counted, key, "quality")
    assert chance is not None and chance.agreement is not None
    assert chance.agreement.w.mean == pytest.approx(1 / 12, abs=0.04)  # what chance gives twelve raters
    assert chance.agreement.correlation.low < 0 < chance.agreement.correlation.high
    assert all(share.low < 0.5 < share.high for share in chance.above.values())
    equal = ranked(simulated(key, np.broadcast_to([1.0, 2, 3], (5, 40, 3))).counted, key, "quality")
    assert equal is not None and equal.agreement is not None
    assert equal.agreement.w.low == equal.agreement.correlation.low == 1
    assert equal.means["piti"].estimate.low == 3 and equal.means["piti"].spread == 0


def test_a_tie_is_one_half_for_each(tmp_path: Path) -> None:
    key = ranking_study(tmp_path, ties=True).key
    outcome = ranked(simulated(key, np.broadcast_to([2.0, 2, 1], (2, 4, 3))).counted, key, "quality")
    assert outcome is not None and outcome.above["controlnet", "lite"].mean == 0.5


def test_ranks_come_back_from_the_opaque_names(tmp_path: Path) -> None:
    key = ranking_study(tmp_path).key
    ranks = np.stack([orders(np.random.default_rng(8), 4, 3) for _ in range(2)])
    assert (rank_array(simulated(key, ranks).counted, key) == ranks).all()


def two_way_answers(tmp_path: Path, skills: list[float], pictures: int = 200) -> tuple[object, list[Answer]]:
    key = two_way_study(tmp_path, teaching=1, pictures=pictures).key
    dice = np.random.default_rng(9)
    letters = {method: letter for letter, method in key.systems.items()}
    other = {"A": "B", "B": "A"}
    empty = Answer("", "s", 0, "", "system", {}, "", (), 0.0, "")
    answers = []
    for rater, skill in enumerate(skills, 1):
        for task, about in key.tasks.items():
            true = letters[next(iter(about.items.values()))]
            system = true if dice.random() < skill else other[true]
            answers.append(replace(empty, rater=str(rater), task=task, system=system))
    return key, answers


def test_the_two_way_test_knows_guessing_from_seeing(tmp_path: Path) -> None:
    key, answers = two_way_answers(tmp_path / "guess", [0.5] * 12)
    guessed = told_apart(answers, key)  # type: ignore[arg-type]
    assert guessed is not None and guessed.p_value is not None and guessed.p_value > 0.05
    assert guessed.precision.estimate.low < 0.5 < guessed.precision.estimate.high
    key, answers = two_way_answers(tmp_path / "see", [0.6, 0.7, 0.65, 0.75, 0.7, 0.55])
    seen = told_apart(answers, key)  # type: ignore[arg-type]
    assert seen is not None and seen.p_value is not None and seen.p_value < 0.01
    assert seen.precision.estimate.low < 0.6583 < seen.precision.estimate.high
    own = [rater.right / rater.count for rater in seen.raters]
    assert seen.precision.estimate.mean == pytest.approx(np.mean(own)) and seen.precision.spread == pytest.approx(
        np.std(own, ddof=1)
    )
    best = seen.raters[3]
    assert best.p_value == pytest.approx(stats.binomtest(best.right, 200).pvalue) and best.p_value < 1e-6
    assert seen.of_system["controlnet"].estimate.count == 600
    assert told_apart([], key) is None  # type: ignore[arg-type]


def test_one_rater_or_equal_raters_have_no_test_over_raters(tmp_path: Path) -> None:
    key, answers = two_way_answers(tmp_path, [1.0, 1.0], pictures=10)
    equal = told_apart(answers, key)  # type: ignore[arg-type]
    assert equal is not None and equal.p_value is None and equal.precision.estimate.mean == 1
