"""Known lines are found where they are, by LSD and by M-LSD, and drawn one pixel wide."""

from pathlib import Path

import cv2
import numpy as np
import pytest

import published_annotators as published
from published_annotators import ANNOTATORS, needs_data, photograph
from zeroconv.conditions import Hough, annotate
from zeroconv.errors import UserError

CORNERS = np.array([[40, 30], [200, 50], [180, 150], [60, 130]])


def quadrangle(height: int = 181, width: int = 243) -> np.ndarray:
    """A bright quadrangle with CORNERS on dark ground."""
    image = np.full((height, width, 3), 40, np.uint8)
    return np.asarray(cv2.fillPoly(image, [CORNERS], (210, 190, 60), cv2.LINE_AA))


def sides(shape: tuple[int, ...]) -> np.ndarray:
    drawing = np.zeros(shape[:2], np.uint8)
    return np.asarray(cv2.polylines(drawing, [CORNERS], True, 255)) > 0


def share_within(found: np.ndarray, wanted: np.ndarray, pixels: float) -> float:
    """Of the found pixels, those at most so far from a wanted one."""
    far = cv2.distanceTransform((~wanted).astype(np.uint8), cv2.DIST_L2, 5)
    return float((far[found] <= pixels).mean())


def test_the_sides_of_a_quadrangle_are_found() -> None:
    made = Hough()(quadrangle())
    found, wanted = made[:, :, 0] > 0, sides(made.shape)
    assert share_within(found, wanted, 2) == 1
    assert share_within(wanted, found, 2) > 0.95


def test_lines_are_one_pixel_wide_and_white() -> None:
    made = Hough()(quadrangle())
    assert set(np.unique(made)) == {0, 255}
    perimeter = cv2.arcLength(CORNERS.astype(np.float32), True)
    assert 0.6 < (made[:, :, 0] > 0).sum() / perimeter < 1.05


def test_segments_are_four_and_long() -> None:
    segments = Hough().segments(quadrangle())
    assert segments.shape == (4, 4)
    assert np.hypot(*(segments[:, :2] - segments[:, 2:]).T).min() > 90


def test_shortest_leaves_out_short_lines() -> None:
    assert len(Hough(shortest=0.7).segments(quadrangle())) == 1
    assert len(Hough(shortest=0.8).segments(quadrangle())) == 1
    assert len(Hough(shortest=1.0).segments(quadrangle())) == 0


def test_a_broken_line_is_joined_across_the_gap() -> None:
    image = np.zeros((200, 200, 3), np.uint8)
    image[100:, :] = 255
    image[80:120, 90:104] = 128
    longest = [np.ptp(Hough(gap=gap).segments(image)[:, [0, 2]], axis=1).max() for gap in (0, 0.1)]
    assert longest[0] < 100 and longest[1] > 190


def test_a_disk_has_no_straight_line_and_says_so() -> None:
    disk = np.asarray(cv2.circle(np.zeros((160, 160, 3), np.uint8), (80, 80), 12, (255, 255, 255), -1))
    with pytest.warns(UserWarning, match="hough image is empty"):
        annotate("hough", disk, {"shortest": 0.2})


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"shortest": 0.0}, "0 < shortest <= 1"),
        ({"gap": -1.0}, "0 <= gap <= 1"),
        ({"value": 2.0}, "0 <= value <= 1"),
        ({"distance": -1.0}, "distance >= 0"),
        ({"weights": "x"}, "weights are read by method=network alone"),
    ],
)
def test_impossible_options(options: dict[str, float], said: str) -> None:
    with pytest.raises(UserError, match=said):
        Hough(**options)  # type: ignore[arg-type]


@needs_data
class TestRealTinyWeights:
    mlsd = Hough(method="network", model="tiny", weights=str(ANNOTATORS / "mlsd"))

    def test_finds_the_sides_of_a_quadrangle(self) -> None:
        image = quadrangle()
        found, wanted = self.mlsd(image)[:, :, 0] > 0, sides(image.shape)
        assert share_within(found, wanted, 4) > 0.9
        assert share_within(wanted, found, 4) > 0.9

    def test_agrees_with_lsd_on_a_house(self) -> None:
        """The house's roof and walls: most of a network's lines lie near LSD's, far more than in the mirror image."""
        house = photograph("photos/kodak/kodim24.png")
        found, other = self.mlsd(house)[:, :, 0] > 0, Hough(shortest=0.04)(house)[:, :, 0] > 0
        assert share_within(found, other, 3) > share_within(found, other[:, ::-1], 3) + 0.15
        assert 0.01 < found.mean() < 0.15

    def test_nothing_above_the_threshold_warns(self) -> None:
        with pytest.warns(UserWarning, match="hough image is empty"):
            options = {"method": "network", "model": "tiny", "weights": self.mlsd.weights, "value": 1.0}
            annotate("hough", quadrangle(), options)


def test_a_file_of_the_large_layout_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    published.write(tmp_path, "mlsd_large_512_fp32.pth", published.mlsd_large)
    monkeypatch.setattr(Hough, "native_resolution", 64)
    made = Hough(method="network", value=0.0, weights=str(tmp_path))(published.noise(41, 75))
    assert made.shape == (41, 75, 3)
    assert set(np.unique(made)) == {0, 255}


def test_answers_that_are_not_finite_are_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    tensors = published.random_tensors(published.mlsd_large())
    tensors["block23.conv3.bias"][:] = torch.nan
    torch.save(tensors, tmp_path / "broken.pth")
    monkeypatch.setattr(Hough, "native_resolution", 64)
    with pytest.raises(UserError, match="not finite"):
        Hough(method="network", weights=str(tmp_path / "broken.pth"))(published.noise(64, 64))
