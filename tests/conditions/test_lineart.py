"""Line art is thin, light on black, coherent along a line, and comes as well from the published generators."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from test_hed import disk, ring

import published_annotators as published
from published_annotators import needs_data, photograph
from zeroconv.conditions import LineArt, annotate
from zeroconv.errors import UserError


@pytest.mark.parametrize("side", [128, 200, 512])
def test_a_thin_line_along_the_contour(side: int) -> None:
    lines = LineArt()(disk(side))[:, :, 0]
    assert lines.max() > 200
    angles = np.linspace(0, 2 * np.pi, 90, endpoint=False)
    radii = side / 4 + np.arange(-5, 6)
    y, x = (np.rint(side / 2 + f(angles)[:, None] * radii).astype(int) for f in (np.sin, np.cos))
    assert (lines[y, x].max(1) > 150).mean() > 0.95
    assert not (lines[~ring(side, 12 * max(side / 512, 0.5))] > 20).any()
    assert (lines > 127).mean() < 0.06


def test_a_dark_stroke_is_drawn_where_it_is() -> None:
    image = np.full((256, 256, 3), 230, np.uint8)
    cv2.line(image, (20, 40), (230, 200), (20, 20, 20), 2, cv2.LINE_AA)
    stroke, lines = image[:, :, 0] < 128, LineArt()(image)[:, :, 0]
    assert lines[stroke].mean() > 200
    far = cv2.distanceTransform((~stroke).astype(np.uint8), cv2.DIST_L2, 5)
    assert lines[far > 4].max() < 30


def test_a_broken_stroke_is_mended_and_grains_fade() -> None:
    """What lies along a line counts, what stands alone does not."""
    image = np.full((256, 256, 3), 220, np.uint8)
    image[100:102, 20:236] = 90
    image[100:102, 40:236:16] = 220
    image[180:182, 120:122] = 90
    lines = LineArt()(image)[:, :, 0]
    assert lines[100:102, 40:236:16].min() > 60
    assert lines[176:186, 116:126].max() < lines[100:102, 30:230].mean()


def test_detail_adds_lines() -> None:
    image = np.full((128, 128, 3), 100, np.uint8)
    for place, contrast in zip(range(8, 128, 16), (3, 5, 8, 12, 20, 35, 60, 100), strict=True):
        image[20:108, place : place + 8] += np.uint8(contrast)
    counts = [(LineArt(detail=detail)(image)[64, :, 0] > 30).sum() for detail in (0.0, 0.5, 1.0)]
    assert 0 < counts[0] < counts[1] < counts[2]


@needs_data
def test_a_photograph_becomes_a_sparse_drawing() -> None:
    lines = LineArt()(photograph("photos/kodak/kodim20.png", 512))
    assert 3 < lines.mean() < 30
    assert np.median(lines) == 0
    assert (lines > 200).mean() > 0.005


def test_nothing_to_draw_warns() -> None:
    with pytest.warns(UserWarning, match="lineart image is empty"):
        annotate("lineart", np.full((40, 40, 3), 77, np.uint8))


def test_impossible_options() -> None:
    with pytest.raises(UserError, match="0 <= detail <= 1"):
        LineArt(detail=1.5)
    with pytest.raises(UserError, match="0 < sigma <= 10"):
        LineArt(sigma=0)
    with pytest.raises(UserError, match="lineart: weights are read by method=network alone"):
        LineArt(weights="x")


@pytest.mark.parametrize(
    ("model", "file", "layout"),
    [
        ("fine", "sk_model.pth", published.line_drawing),
        ("coarse", "sk_model2.pth", published.line_drawing),
        ("anime", "netG.pth", published.anime),
    ],
)
def test_files_of_the_published_layouts_are_read(
    model: str, file: str, layout: Callable[[], published.Layout], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tensors = published.random_tensors(layout())
    torch.save(tensors, tmp_path / file)
    monkeypatch.setattr(LineArt, "native_resolution", 64)
    image = published.noise(41, 75)
    made = LineArt("network", model=model, weights=str(tmp_path))(image)  # type: ignore[arg-type]
    assert made.shape == (41, 75, 3)
    assert np.ptp(made) > 0


def test_white_paper_becomes_black(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A generator that answers with white, its last layer being 0 with a bias of 9, must come out black."""
    tensors = published.random_tensors(published.line_drawing())
    tensors["model4.1.weight"][:], tensors["model4.1.bias"][:] = 0, 9
    torch.save(tensors, tmp_path / "sk_model.pth")
    monkeypatch.setattr(LineArt, "native_resolution", 64)
    assert not LineArt("network", weights=str(tmp_path))(published.noise(64, 64)).any()
