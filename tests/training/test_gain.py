from typing import Any

import pytest
import torch
from toytraining import toy_base, toy_controlnet, toy_example

from zeroconv.data.batches import held_out_batches
from zeroconv.objective import Gain
from zeroconv.training.bands import noise_bands
from zeroconv.training.gain import BandGain, gain_point, interval_factor, measure_gain
from zeroconv.training.precision import TYPES, shorten

LEVELS = torch.tensor([10, 500, 990])


def test_a_new_controlnet_gains_exactly_nothing() -> None:
    base = toy_base("v_prediction")
    held_out = held_out_batches(base, [toy_example(k) for k in range(8)], batch_size=4, seed=0)
    asleep, awake = (toy_controlnet(base, awake=awake) for awake in (False, True))
    point = gain_point(0, measure_gain(base, asleep, held_out), noise_bands(base))
    assert (point.gain, point.gain_interval, point.shuffled_gain, point.shuffled_gain_interval) == (0, 0, 0, 0)
    assert point.bands == tuple(BandGain(name, 0, 0, 0, 0) for name in ("low", "middle", "high"))
    assert point.without == point.with_ > 0 and point.examples == 8
    other = gain_point(0, measure_gain(base, awake, held_out), noise_bands(base))
    assert other.gain != 0 and other.shuffled_gain != 0
    assert all(band.gain != 0 and band.shuffled_gain != 0 for band in other.bands)
    assert asleep.training and awake.training


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_in_short_types_too_a_new_controlnet_gains_nothing_and_a_trained_one_what_it_does(precision: Any) -> None:
    base, awake = toy_base(), toy_controlnet(toy_base())
    held_out = held_out_batches(base, [toy_example(k) for k in range(8)], batch_size=4, seed=0)
    whole = gain_point(0, measure_gain(base, awake, held_out))
    shorten(base.unet, TYPES[precision])
    assert base.dtype is not torch.float32
    nothing = gain_point(0, measure_gain(base, toy_controlnet(base, awake=False), held_out, precision))
    assert (nothing.gain, nothing.shuffled_gain) == (0, 0)
    short = gain_point(0, measure_gain(base, awake, held_out, precision))
    assert short.gain == pytest.approx(whole.gain, rel=0.05) and short.gain != whole.gain


def test_means_are_of_paired_differences() -> None:
    gain = Gain(torch.tensor([1.0, 2.0, 6.0]), torch.tensor([0.5, 1.5, 5.5]), torch.tensor([1.5, 1.5, 6.5]), LEVELS)
    point = gain_point(40, gain)
    assert (point.step, point.without, point.with_, point.bands) == (40, 3.0, 2.5, ())
    assert point.gain == pytest.approx(0.5) and point.gain_interval == 0
    assert point.shuffled_gain == pytest.approx(2 / 3)
    assert point.shuffled_gain_interval == pytest.approx(4.302653 * (1 / 3) ** 0.5 / 3**0.5)


def test_intervals_hold_the_mean_as_often_as_they_say() -> None:
    """Of few examples too, as in a band: 2,000 samples of 5 from a normal distribution."""
    samples = torch.randn(2000, 5, generator=torch.Generator().manual_seed(0))
    reached = interval_factor(5) * samples.std(dim=1) / 5**0.5
    assert (samples.mean(dim=1).abs() <= reached).float().mean().item() == pytest.approx(0.95, abs=0.015)
    assert interval_factor(0) == 1.96 and interval_factor(2000) == pytest.approx(1.96, abs=0.002)


def test_bands_split_a_measurement_and_average_to_it() -> None:
    base = toy_base()
    held_out = held_out_batches(base, [toy_example(k) for k in range(9)], batch_size=3, seed=0)
    gain = measure_gain(base, toy_controlnet(base), held_out)
    bands = noise_bands(base)
    assert [int(band.rows(gain.timesteps).sum()) for band in bands] == [3, 3, 3]
    point = gain_point(1, gain, bands)
    assert point.gain == pytest.approx(sum(band.gain for band in point.bands) / 3, rel=1e-4)
    high = gain.timesteps >= 667
    assert point.bands[2].gain == pytest.approx((gain.without - gain.with_)[high].mean().item())
    assert point.bands[2].shuffled_gain == pytest.approx((gain.shuffled - gain.with_)[high].mean().item())


def test_a_band_of_one_example_has_no_interval_and_an_empty_one_is_left_out() -> None:
    gain = Gain(torch.ones(3), torch.zeros(3), torch.ones(3), torch.tensor([10, 20, 990]))
    low, high = gain_point(1, gain, noise_bands(toy_base())).bands
    assert (low.name, low.gain_interval, high.name, high.gain_interval) == ("low", 0, "high", None)


def test_bands_cover_the_schedule_and_say_how_noisy_they_are() -> None:
    bands = noise_bands(toy_base())
    assert [(band.start, band.stop) for band in bands] == [(0, 333), (333, 667), (667, 1000)]
    levels = [value for band in bands for value in band.log_snr or ()]
    assert levels == sorted(levels, reverse=True) and levels[0] > 5 and levels[-1] < -4
    assert bands[2].title.startswith("high noise: t 667-999, log-SNR ")
