"""Simulated curves with fixed seeds: how often the detector is wrong where control never sets in, how late it is."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.random import Generator

from zeroconv.training.gain import GainPoint, interval_factor
from zeroconv.training.onset import FALSE_ALARM, USEFUL, find_onset, look, planned_looks

EXAMPLES, LOOKS, EVERY = 64, 40, 250


def curve(
    random: Generator, helped: np.ndarray, lost: np.ndarray, sway: float, examples: int = EXAMPLES
) -> list[GainPoint]:
    """What a training would measure, `helped` and `lost` (looks,) the true shares of the loss at each look.

    Losses differ by example. What control does at one example wanders from look to look as training goes on (`sway`, a
    share of its loss), mostly as it did at the look before, and more at some examples than at others.
    """
    without = random.gamma(4, 0.04, examples)
    wander = 0.8 * random.normal(size=(2, 1, examples)) + 0.6 * random.normal(size=(2, len(helped), examples))
    scale = without * random.gamma(2, 0.5, examples)
    true = np.stack([helped, lost])[:, :, None]
    differences = true * without + sway * wander * scale
    means, widths = differences.mean(-1), interval_factor(examples) * differences.std(-1, ddof=1) / examples**0.5
    base = float(without.mean())
    return [
        GainPoint(EVERY * (k + 1), base, base - gain, base - gain + shuffled, gain, width, shuffled, other, examples)
        for k, ((gain, shuffled), (width, other)) in enumerate(zip(means.T, widths.T, strict=True))
    ]


def steady(share: float) -> np.ndarray:
    return np.full(LOOKS, share)


def alarms(helped: float, lost: float, sway: float, examples: int, looks: int = LOOKS, count: int = 1000) -> float:
    """The share of curves in which an onset is found."""
    random = np.random.default_rng(20230210)
    curves = (curve(random, steady(helped), steady(lost), sway, examples) for _ in range(count))
    return sum(any(looks * look(point) < FALSE_ALARM for point in points) for points in curves) / count


@pytest.mark.parametrize("examples", [8, 64])
@pytest.mark.parametrize("sway", [0.05, 0.5])
def test_a_control_that_never_sets_in_raises_no_alarm_more_often_than_said(sway: float, examples: int) -> None:
    """Where nothing is learnt, and in the worst case: a sure gain, a wrong condition exactly at the bound."""
    assert alarms(0.0, 0.0, sway, examples) <= FALSE_ALARM
    assert alarms(50 * sway, USEFUL, sway, examples) <= FALSE_ALARM + 0.0095  # 3 sigma of 1,000 curves
    assert alarms(50 * sway, USEFUL, sway, examples, looks=1) > 4 * FALSE_ALARM  # were looks not counted


@pytest.mark.parametrize(("worth", "share_found", "mean_delay"), [(0.05, 0.95, 1.5), (0.1, 1.0, 0.2), (0.3, 1.0, 0.0)])
def test_a_sudden_onset_is_found_at_the_next_looks(worth: float, share_found: float, mean_delay: float) -> None:
    """Control is suddenly worth 5, 10 or 30 % of the loss while each example's gain sways by 5 % of its loss."""
    random = np.random.default_rng(1)
    share = np.where(np.arange(LOOKS) >= 20, worth, 0.0)
    found = [find_onset(curve(random, share, share, sway=0.05), LOOKS) for _ in range(200)]
    delays = [(onset.step - 21 * EVERY) / EVERY for onset in found if onset is not None]
    assert len(delays) >= 200 * share_found and min(delays) >= 0
    assert np.mean(delays) <= mean_delay
    assert all(onset.confidence > 1 - FALSE_ALARM for onset in found if onset is not None)


def test_a_slow_rise_is_found_once_it_is_of_use() -> None:
    rising = np.linspace(0, 0.2, LOOKS)
    onset = find_onset(curve(np.random.default_rng(2), rising, rising, sway=0.05), LOOKS)
    assert onset is not None
    assert rising[onset.step // EVERY - 1] > USEFUL
    assert onset.after == onset.step - EVERY


def test_an_effect_of_no_use_is_no_control_however_sure() -> None:
    points = curve(np.random.default_rng(3), steady(0.002), steady(0.002), sway=0.0001)
    assert points[0].shuffled_gain > 7 * points[0].shuffled_gain_interval
    assert find_onset(points, LOOKS) is None


def test_both_differences_must_speak_for_it() -> None:
    """Data learnt better without the condition: a gain, but a wrong condition serves as well."""
    points = curve(np.random.default_rng(4), steady(0.2), steady(0.2), sway=0.05)
    assert find_onset(points, LOOKS) is not None
    assert find_onset([replace(point, shuffled_gain=0.0) for point in points], LOOKS) is None
    assert find_onset([replace(point, gain=-point.gain) for point in points], LOOKS) is None


def test_a_curve_of_before_examples_were_counted_is_judged_too() -> None:
    """The first rows of a Canny training on the embedded base: it was there at its first measurement."""
    start = GainPoint(0, 0.174476, 0.174476, 0.174476, 0, 0, 0, 0)
    first = GainPoint(100, 0.174476, 0.155186, 0.197498, 0.0192901, 0.00945002, 0.0423122, 0.0126529)
    assert look(start) == 1.0
    onset = find_onset([start, first], looks=planned_looks(4500, 100))
    assert onset is not None and (onset.after, onset.step) == (0, 100)
    assert onset.confidence == pytest.approx(0.9938, abs=1e-4)
    assert "between steps 0 and 100 (confidence 99.38%)" in onset.sentence


def test_few_examples_say_nothing() -> None:
    points = curve(np.random.default_rng(5), steady(0.5), steady(0.5), sway=0.001, examples=7)
    assert find_onset(points, LOOKS) is None


@pytest.mark.parametrize(("steps", "every", "looks"), [(1000, 250, 4), (1001, 250, 5), (100, 250, 1), (100, 0, 1)])
def test_looks_are_counted_with_the_last_step(steps: int, every: int, looks: int) -> None:
    assert planned_looks(steps, every) == looks
