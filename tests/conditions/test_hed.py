"""Soft edges lie on contours, are faint in texture, and come as well from PiDiNet and HED."""

import dataclasses
from pathlib import Path

import cv2
import numpy as np
import pytest

import published_annotators as published
from published_annotators import ANNOTATORS, needs_data, photograph
from zeroconv.conditions import SoftEdge, annotate
from zeroconv.conditions.hed import safe_step
from zeroconv.errors import UserError


def disk(side: int = 200, ground: int = 60, colour: tuple[int, int, int] = (200, 170, 90)) -> np.ndarray:
    image = np.full((side, side, 3), ground, np.uint8)
    return np.asarray(cv2.circle(image, (side // 2, side // 2), side // 4, colour, -1, cv2.LINE_AA))


def ring(side: int, tolerance: float) -> np.ndarray:
    """bool (side, side): places so far from the disk's edge at most."""
    y, x = np.indices((side, side)) - side / 2
    return np.asarray(np.abs(np.hypot(x, y) - side / 4) <= tolerance)


@pytest.mark.parametrize("side", [128, 200, 600])
def test_bright_on_the_contour_and_black_elsewhere(side: int) -> None:
    edges = SoftEdge()(disk(side))[:, :, 0]
    unit = max(side / 512, 0.4)
    assert np.median(edges[ring(side, 0.5)]) > 180
    assert edges[~ring(side, 18 * unit)].max() < 10


def test_colour_alone_makes_an_edge() -> None:
    image = np.zeros((128, 128, 3), np.uint8)
    image[:, :64], image[:, 64:] = (200, 60, 60), (60, 124, 60)
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(int)
    assert np.ptp(grey) < 5
    assert SoftEdge()(image)[64, 60:68].max() > 150


def test_texture_is_fainter_than_a_contour_of_the_same_contrast() -> None:
    noise = np.random.default_rng(0).integers(0, 2, (64, 64), dtype=np.uint8) * 60
    image = np.full((256, 256), 100, np.uint8)
    image[:, :128] += cv2.resize(noise, (128, 256), interpolation=cv2.INTER_NEAREST)
    image[:, 192:] += 60
    edges = SoftEdge()(image)[:, :, 0].astype(float)
    assert edges[20:-20, 188:197].max(1).mean() > 2 * edges[20:-20, 20:108].mean()


def test_a_larger_sigma_draws_broader_lines() -> None:
    widths = [(SoftEdge(sigma=sigma)(disk())[100] > 128).mean() for sigma in (1.2, 6.0)]
    assert widths[1] > 1.5 * widths[0]


def test_safe_has_three_levels_at_the_same_places() -> None:
    soft, safe = SoftEdge()(disk()), SoftEdge(safe=True)(disk())
    assert set(np.unique(safe)) <= {0, 128, 255}
    assert np.all(safe[soft < 85] == 0) and np.all(safe[soft > 171] == 255)


def test_safe_step() -> None:
    assert safe_step(np.array([0, 0.33, 0.34, 0.66, 0.67, 1.0])).tolist() == [0, 0, 0.5, 0.5, 1, 1]


def test_nothing_to_see_warns() -> None:
    with pytest.warns(UserWarning, match="hed image is empty"):
        annotate("hed", np.full((40, 40, 3), 77, np.uint8))


def test_impossible_options() -> None:
    with pytest.raises(UserError, match="0 < sigma <= 20"):
        SoftEdge(sigma=0)
    with pytest.raises(UserError, match="hed: weights are read by method=network alone"):
        SoftEdge(weights="x")


@needs_data
class TestRealPiDiNet:
    network = SoftEdge(method="network", weights=str(ANNOTATORS / "pidinet"))

    @pytest.fixture(autouse=True)
    def small(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(SoftEdge, "native_resolution", 256)

    def test_bright_on_the_contour_and_black_elsewhere(self) -> None:
        edges = self.network(disk())[:, :, 0]
        assert np.median(edges[ring(200, 0.5)]) > 150
        assert edges[~ring(200, 10)].mean() < 10

    def test_reads_photographs_as_the_algorithm_does(self) -> None:
        """Measured 0.50 to 0.76 over ten photographs, and 0.76 on this one, at 512 pixels."""
        photo = photograph("photos/kodak/kodim02.png")
        edges, algorithm = self.network(photo)[:, :, 0], SoftEdge()(photo)[:, :, 0]
        assert edges.shape == photo.shape[:2]
        assert 10 < edges.mean() < 70
        assert np.corrcoef(edges.ravel(), algorithm.ravel())[0, 1] > 0.5

    def test_tiny_weights_load_into_the_same_network(self) -> None:
        tiny = dataclasses.replace(self.network, weights=str(ANNOTATORS / "pidinet" / "table5_pidinet-tiny.pth"))
        edges = tiny(disk())[:, :, 0]
        assert np.median(edges[ring(200, 0.5)]) > 150

    def test_other_weights_are_refused(self) -> None:
        wrong = dataclasses.replace(self.network, weights=str(ANNOTATORS / "mlsd" / "mlsd_tiny_512_fp32.pth"))
        with pytest.raises(UserError, match="holds the weights of another network than PiDiNet"):
            wrong(disk())


def test_a_file_of_the_hed_layout_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    published.write(tmp_path, "ControlNetHED.pth", published.hed)
    monkeypatch.setattr(SoftEdge, "native_resolution", 64)
    extractor = SoftEdge(method="network", model="hed", weights=str(tmp_path))
    image = published.noise(41, 75)
    made = extractor(image)
    assert made.shape == (41, 75, 3)
    assert np.array_equal(made, extractor(image))
    assert np.ptp(made) > 0
