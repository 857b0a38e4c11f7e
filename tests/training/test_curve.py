from pathlib import Path

import pytest
import torch
from PIL import Image
from toytraining import toy_base

from zeroconv.objective import Gain
from zeroconv.training.bands import noise_bands
from zeroconv.training.curve import ARRAYS, TABLE, Curve, read_curve
from zeroconv.training.gain_figure import Mark, write_gain_figure

BANDS = noise_bands(toy_base())
OLD = """\
step,without,with_,shuffled,gain,gain_interval,shuffled_gain,shuffled_gain_interval
0,0.174476,0.174476,0.174476,0,0,0,0
100,0.174476,0.155186,0.197498,0.0192901,0.00945002,0.0423122,0.0126529
"""


def measurement(seed: int, count: int = 8) -> Gain:
    generator = torch.Generator().manual_seed(seed)
    losses = [torch.rand(count, generator=generator) + shift for shift in (1.0, 0.0, 0.5)]
    return Gain(*losses, timesteps=(torch.arange(count) * 1000) // count)


def some_curve(*steps: int) -> Curve:
    curve = Curve(BANDS)
    for step in steps:
        curve.add(step, measurement(step))
    return curve


def test_a_curve_is_read_back_bitwise(tmp_path: Path) -> None:
    curve = some_curve(0, 50, 100)
    curve.write(tmp_path)
    read = read_curve(tmp_path, BANDS, until=50)
    assert read.points == curve.points[:2]
    assert [step for step, _ in read.measured] == [0, 50]
    assert torch.equal(read.measured[1][1].shuffled, curve.measured[1][1].shuffled)
    assert read_curve(tmp_path, BANDS).points == curve.points
    assert read_curve(tmp_path / "none", BANDS) == Curve(BANDS)


def test_the_table_alone_holds_the_bands_to_six_digits(tmp_path: Path) -> None:
    curve = some_curve(0, 50)
    curve.write(tmp_path)
    header = (tmp_path / TABLE).read_text().splitlines()[0]
    assert header.startswith("step,without,with_,shuffled,gain") and header.endswith(",high_shuffled_gain_interval")
    (tmp_path / ARRAYS).unlink()
    read, written = read_curve(tmp_path).points[1], curve.points[1]
    assert (read.step, read.examples, len(read.bands)) == (50, 8, 3)
    for mine, theirs in zip(read.bands, written.bands, strict=True):
        assert (mine.name, mine.gain) == (theirs.name, pytest.approx(theirs.gain, rel=1e-5))
        assert mine.shuffled_gain_interval == pytest.approx(theirs.shuffled_gain_interval, rel=1e-5)


def test_a_table_of_before_there_were_bands_is_read_and_gone_on_with(tmp_path: Path) -> None:
    (tmp_path / TABLE).write_text(OLD)
    curve = read_curve(tmp_path, BANDS)
    assert [(point.step, point.bands, point.examples) for point in curve.points] == [(0, (), 0), (100, (), 0)]
    assert curve.points[1].shuffled_gain == 0.0423122
    curve.add(200, measurement(200))
    curve.write(tmp_path)
    again = read_curve(tmp_path, BANDS)
    assert again.points == curve.points and len(again.points[2].bands) == 3
    lines = (tmp_path / TABLE).read_text().splitlines()
    assert lines[1].startswith("0,0.174476,0.174476,0.174476,0,0,0,0,")


def test_losses_of_other_examples_are_let_go_and_their_means_kept(tmp_path: Path) -> None:
    curve = some_curve(0, 50)
    curve.add(100, measurement(1, count=6))
    curve.write(tmp_path)
    read = read_curve(tmp_path, BANDS)
    assert [step for step, _ in read.measured] == [100]
    assert [point.examples for point in read.points] == [8, 8, 6]


@pytest.mark.parametrize("has_bands", [True, False])
def test_a_curve_is_drawn(tmp_path: Path, has_bands: bool) -> None:
    curve = some_curve(0, 50, 100)
    if not has_bands:
        (tmp_path / TABLE).write_text(OLD)
        curve = read_curve(tmp_path)
    write_gain_figure(tmp_path / "gain.png", curve, [Mark(50, "the control set in")])
    with Image.open(tmp_path / "gain.png") as picture:
        assert picture.size == ((840, 720) if has_bands else (840, 480))
        assert len(set(picture.convert("RGB").get_flattened_data())) > 50
