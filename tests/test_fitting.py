"""Pictures and masks of any shape brought to a size."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pixels import corners
from zeroconv.errors import UserError
from zeroconv.images import Fit, contained, fit, fitted_mask, pad


def test_fit_crop_takes_the_centre() -> None:
    image = Image.new("RGB", (30, 10), "red")
    image.paste("lime", (10, 0, 20, 10))
    assert corners(fit(image, (10, 10), "crop", resample=Image.Resampling.NEAREST)) == [(0, 255, 0)] * 4


def test_fit_pad_keeps_everything_and_adds_borders() -> None:
    image = fit(Image.new("RGB", (20, 10), "white"), (40, 40), "pad")
    column = np.asarray(image)[:, 20, 0]
    assert image.size == (40, 40)
    assert [int(column[row]) for row in (0, 9, 10, 29, 30, 39)] == [0, 0, 255, 255, 0, 0]


def test_fit_stretch_reaches_every_corner() -> None:
    image = Image.new("RGB", (2, 1), "red")
    image.putpixel((1, 0), (0, 0, 255))
    stretched = fit(image, (8, 8), "stretch", resample=Image.Resampling.NEAREST)
    assert corners(stretched) == [(255, 0, 0), (0, 0, 255)] * 2


@pytest.mark.parametrize("how", ["crop", "pad", "stretch"])
def test_fit_leaves_a_fitting_picture_alone(how: Fit) -> None:
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 255, (7, 5, 3), dtype=np.uint8))
    assert np.array_equal(np.asarray(fit(noise, (5, 7), how)), np.asarray(noise))


def test_unknown_fit_names_the_nearest() -> None:
    with pytest.raises(UserError, match="did you mean 'crop'"):
        fit(Image.new("RGB", (1, 1)), (2, 2), "corp")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("shape", "size", "expected"),
    [((100, 50), (10, 10), (10, 5)), ((1, 1000), (64, 64), (1, 64)), ((3, 3), (8, 4), (4, 4))],
)
def test_contained(shape: tuple[int, int], size: tuple[int, int], expected: tuple[int, int]) -> None:
    assert contained(shape, size) == expected


def test_pad_centres_and_keeps_pixels() -> None:
    padded = np.asarray(pad(Image.new("RGB", (1, 1), "white"), (3, 3)))
    assert padded[:, :, 0].tolist() == [[0, 0, 0], [0, 255, 0], [0, 0, 0]]


def test_a_mask_keeps_its_share_of_white(tmp_path: Path) -> None:
    mask = np.zeros((96, 96), np.uint8)
    mask[:, :33] = 255
    Image.fromarray(mask).save(tmp_path / "mask.png")
    small = fitted_mask(tmp_path / "mask.png", (12, 12), "crop", 0)
    assert small.mode == "L" and small.size == (12, 12)
    np.testing.assert_array_equal(np.asarray(small)[0], [255] * 4 + [32] + [0] * 7)


@pytest.mark.parametrize("how", ["crop", "pad", "stretch"])
def test_a_mask_of_another_shape_goes_the_way_of_its_picture(how: Fit) -> None:
    mask = Image.new("RGB", (96, 48), "white")
    mask.paste("black", (0, 0, 48, 48))
    expected = fit(mask, (32, 32), how, resample=Image.Resampling.BOX).convert("L")
    assert fitted_mask(mask, (32, 32), how, 0).tobytes() == expected.tobytes()
    assert np.asarray(expected).any() and not np.asarray(expected).all()


def test_a_feathered_rim_fades_evenly() -> None:
    mask = Image.new("L", (32, 8), 0)
    mask.paste(255, (16, 0, 32, 8))
    row = np.asarray(fitted_mask(mask, (32, 8), "crop", 8))[4].astype(int)
    fading = np.flatnonzero((row > 0) & (row < 255))
    assert (fading[0], fading[-1]) == (12, 19)
    assert np.ptp(np.diff(row)[12:19]) <= 1 and row[11] == 0 and row[20] == 255
