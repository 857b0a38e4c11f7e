"""The rules by which claims hold, on made-up figures."""

import numpy as np
import pytest

from zeroconv.evaluation.statistics import Estimate, estimate_mean
from zeroconv.reproduce.experiments import (
    composition,
    data_size,
    depth_to_image,
    misread,
    prompts,
    resolution_weighting,
    sudden_convergence,
    systems_compared,
    transfer,
)
from zeroconv.reproduce.finding import Verdict
from zeroconv.training.gain import GainPoint


def about(mean: float, width: float = 0.05) -> Estimate:
    return Estimate(mean, mean - width, mean + width, 64)


def test_prompts_hold_where_every_condition_goes_more_than_half_of_the_way() -> None:
    assert prompts.judge({"canny": about(0.8), "depth": about(0.7)})[0] is Verdict.HOLDS
    assert prompts.judge({"canny": about(0.8), "depth": about(0.52)})[0] is Verdict.IN_PART
    assert prompts.judge({"canny": about(0.3), "depth": None})[0] is Verdict.FAILS


def test_composition_holds_where_both_keep_nine_tenths() -> None:
    assert composition.judge({"pose": about(0.95), "depth": about(1.02)})[0] is Verdict.HOLDS
    assert composition.judge({"pose": about(0.95), "depth": about(0.7)})[0] is Verdict.IN_PART
    assert composition.judge({"pose": about(0.5), "depth": about(0.7)})[0] is Verdict.FAILS
    assert composition.judge({"pose": about(0.95), "depth": None})[0] is Verdict.OPEN


def test_resolution_weighting_holds_where_a_weighted_way_is_surely_nearer() -> None:
    ways = {resolution_weighting.BOTH: about(0.5), resolution_weighting.ONE: about(0.6)}
    assert resolution_weighting.judge({**ways, "soft": about(0.3)})[0] is Verdict.HOLDS
    assert resolution_weighting.judge({**ways, "soft": about(0.48)})[0] is Verdict.IN_PART
    assert resolution_weighting.judge({**ways, "soft": about(0.55)})[0] is Verdict.FAILS


def test_the_limitation_holds_where_few_are_mended() -> None:
    assert misread.judge([0.0] * 18 + [1.0] * 2)[0] is Verdict.HOLDS
    assert misread.judge([1.0] * 18 + [0.0] * 2)[0] is Verdict.FAILS
    assert misread.judge([0.0, 1.0] * 6)[0] is Verdict.OPEN
    assert misread.judge([0.0] * 3)[0] is Verdict.OPEN


def test_more_data_must_not_be_worse() -> None:
    assert data_size.judge(about(0.8), [about(0.1), about(0.02)], about(0.2))[0] is Verdict.HOLDS
    assert data_size.judge(about(0.8), [about(0.1), about(-0.2)], about(0.2))[0] is Verdict.IN_PART
    assert data_size.judge(about(0.4), [about(0.1)], about(0.2))[0] is Verdict.FAILS
    assert data_size.judge(None, [], about(0))[0] is Verdict.OPEN
    assert "is better than 100 scenes by +0.200" in data_size.judge(about(0.8), [about(0.1)], about(0.2))[1]
    assert "is not seen: +0.020" in data_size.judge(about(0.8), [about(0.1)], about(0.02))[1]


def test_transfer_holds_where_control_and_look_are_kept() -> None:
    looks = {"the base": about(30), "fine-tuned": about(2), "fine-tuned, controlled": about(2.5)}
    assert transfer.judge(about(0.7), about(0.65), looks)[0] is Verdict.HOLDS
    assert transfer.judge(about(0.7), about(0.4), looks)[0] is Verdict.IN_PART
    assert transfer.judge(about(0.7), about(0.4), {**looks, "fine-tuned, controlled": about(20)})[0] is Verdict.FAILS
    assert transfer.judge(about(0.7), about(0.65), {**looks, "fine-tuned": about(30)})[0] is Verdict.OPEN
    assert transfer.judge(about(0.7), None, looks)[0] is Verdict.OPEN


def test_controlnet_must_be_ahead_of_every_system_in_fidelity_and_quality() -> None:
    near = {"PITI": about(0.5), "ControlNet": about(0.2)}
    assert systems_compared.judge({"PITI": about(0.1)}, near)[0] is Verdict.HOLDS
    assert systems_compared.judge({"PITI": about(0.02)}, near)[0] is Verdict.IN_PART
    assert systems_compared.judge({"PITI": about(0.02)}, {**near, "PITI": about(0.1)})[0] is Verdict.FAILS


def test_a_rater_tells_different_systems_and_guesses_between_equal_ones() -> None:
    random = np.random.default_rng(0)
    first, second = random.normal(size=(200, 12)), random.normal(size=(200, 12))
    guessed = estimate_mean(depth_to_image.told_apart(first, second))
    assert guessed.low < 0.5 < guessed.high
    second[:, 3] += 3
    assert estimate_mean(depth_to_image.told_apart(first, second)).low > 0.85
    assert depth_to_image.judge(about(0.5))[0] is Verdict.HOLDS
    assert depth_to_image.judge(about(0.8))[0] is Verdict.FAILS
    assert depth_to_image.judge(about(0.58))[0] is Verdict.OPEN


def point(step: int, gain: float) -> GainPoint:
    return GainPoint(step, 0.2, 0.2 - gain, 0.2, gain, 0.001, gain, 0.001, examples=64)


@pytest.mark.parametrize(
    ("gains", "rise"), [([0, 0, 0.06, 0.1], (10, 20)), ([0, 0.03, 0.06, 0.1], (0, 20)), ([0, 0, 0, 0], None)]
)
def test_the_rise_is_counted_from_a_tenth_to_a_half(gains: list[float], rise: tuple[int, int] | None) -> None:
    points = [point(10 * k, gain) for k, gain in enumerate(gains)]
    assert sudden_convergence.rise_of(points) == rise


def test_convergence_is_sudden_within_a_tenth_of_the_steps() -> None:
    assert sudden_convergence.judge((300, 400), 1000)[0] is Verdict.HOLDS
    assert sudden_convergence.judge((300, 450), 1000)[0] is Verdict.FAILS
    assert sudden_convergence.judge(None, 1000)[0] is Verdict.OPEN
    assert "for 300 steps before there is next to none" in sudden_convergence.judge((300, 400), 1000)[1]
    assert "no long stretch without control" in sudden_convergence.judge((20, 100), 1000)[1]
