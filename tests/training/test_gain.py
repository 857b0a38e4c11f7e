from pathlib import Path

import pytest
import torch
from PIL import Image
from toytraining import toy_base, toy_controlnet, toy_example

from zeroconv.data.batches import held_out_batches
from zeroconv.objective import Gain
from zeroconv.training.gain import gain_point, measure_gain, plot_curve, read_curve, write_curve


def test_a_new_controlnet_gains_exactly_nothing() -> None:
    base = toy_base("v_prediction")
    held_out = held_out_batches(base, [toy_example(k) for k in range(5)], batch_size=3, seed=0)
    asleep, awake = (toy_controlnet(base, awake=awake) for awake in (False, True))
    point = gain_point(0, measure_gain(base, asleep, held_out))
    assert (point.gain, point.gain_interval, point.shuffled_gain, point.shuffled_gain_interval) == (0, 0, 0, 0)
    assert point.without == point.with_ > 0
    other = gain_point(0, measure_gain(base, awake, held_out))
    assert other.gain != 0 and other.shuffled_gain != 0
    assert asleep.training and awake.training


def test_means_are_of_paired_differences() -> None:
    gain = Gain(torch.tensor([1.0, 2.0, 6.0]), torch.tensor([0.5, 1.5, 5.5]), torch.tensor([1.5, 1.5, 6.5]))
    point = gain_point(40, gain)
    assert (point.step, point.without, point.with_) == (40, 3.0, 2.5)
    assert point.gain == pytest.approx(0.5) and point.gain_interval == 0
    assert point.shuffled_gain == pytest.approx(2 / 3)
    assert point.shuffled_gain_interval == pytest.approx(1.96 * (1 / 3) ** 0.5 / 3**0.5)


def test_a_curve_is_written_read_and_drawn(tmp_path: Path) -> None:
    gains = [Gain(torch.rand(8) + 1, torch.rand(8), torch.rand(8) + 0.5) for _ in range(3)]
    curve = [gain_point(step, gain) for step, gain in zip((0, 50, 100), gains, strict=True)]
    write_curve(tmp_path / "gain.csv", curve)
    assert (tmp_path / "gain.csv").read_text().splitlines()[0].startswith("step,without,with_,shuffled,gain")
    read = read_curve(tmp_path / "gain.csv", until=50)
    assert [point.step for point in read] == [0, 50]
    assert read[1].gain == pytest.approx(curve[1].gain, rel=1e-5)
    assert read_curve(tmp_path / "none.csv", until=50) == []
    plot_curve(tmp_path / "gain.png", curve)
    with Image.open(tmp_path / "gain.png") as picture:
        assert picture.width > 400 and len(set(picture.convert("RGB").get_flattened_data())) > 50
