"""Drawings are read as they are; made-up scribbles follow contours with strokes of the asked width."""

import cv2
import numpy as np
import pytest
from test_hed import disk, ring

from published_annotators import ANNOTATORS, DATA, needs_data
from zeroconv.conditions import Scribble, SoftEdge, annotate
from zeroconv.conditions.scribble import ridges
from zeroconv.errors import UserError


def test_a_drawing_is_inverted_at_the_half() -> None:
    image = np.full((4, 4, 3), 255, np.uint8)
    image[1, 1] = (126, 255, 255)
    image[2, 2] = (127, 127, 127)
    strokes = Scribble("drawing")(image)
    assert strokes[1, 1].tolist() == [255] * 3
    assert strokes.sum() == 3 * 255


def test_transparent_paper_is_white() -> None:
    drawing = np.zeros((8, 8, 4), np.uint8)
    drawing[4, :, 3] = 255
    assert np.flatnonzero(Scribble("drawing")(drawing)[:, :, 0].any(1)).tolist() == [4]


def test_an_inverted_drawing_is_doubted() -> None:
    with pytest.warns(UserWarning, match="is it inverted"):
        annotate(
            "scribble",
            np.zeros((16, 16, 3), np.uint8) + np.eye(16, dtype=np.uint8)[:, :, None] * 255,
            {"source": "drawing"},
        )


@pytest.mark.parametrize("side", [128, 300, 512])
def test_strokes_follow_the_contour(side: int) -> None:
    strokes = Scribble()(disk(side))[:, :, 0]
    assert set(np.unique(strokes)) == {0, 255}
    assert (strokes[ring(side, 0.5)] > 0).mean() > 0.95
    assert not strokes[~ring(side, 18 * side / 512 + 2)].any()


@pytest.mark.parametrize("thickness", [4.0, 12.0, 24.0])
def test_strokes_are_as_thick_as_asked(thickness: float) -> None:
    image = np.full((512, 512, 3), 255, np.uint8)
    image[:, 256:] = 0
    widths = (Scribble(thickness=thickness)(image)[100:-100, :, 0] > 0).sum(1)
    assert abs(np.median(widths) - thickness) <= 2


def test_xdog_draws_dark_details_only() -> None:
    image = np.full((128, 128, 3), 150, np.uint8)
    image[40:42, 20:100], image[90:92, 20:100] = 60, 240
    strokes = Scribble("xdog")(image)[:, :, 0]
    assert strokes[40:42, 24:96].all()
    assert not strokes[90:92, 24:96].any()


def test_ridges_are_thin_and_strong_enough() -> None:
    edges = np.zeros((60, 60), np.float32)
    edges[:, 28:33] = 255
    found = ridges(edges, 0.5, 127)
    assert np.array_equal(np.flatnonzero(found[30]), [30])
    assert not ridges(edges, 0.5, 254).any()


def test_specks_are_no_strokes() -> None:
    image = np.full((512, 512, 3), 200, np.uint8)
    cv2.circle(image, (250, 250), 2, (0, 0, 0), -1)
    with pytest.warns(UserWarning, match="scribble image is empty"):
        annotate("scribble", image)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"thickness": 0}, "1 <= thickness <= 48"),
        ({"source": "xdog", "method": "network"}, "method=network needs source=edges"),
        ({"weights": "x"}, "scribble: weights are read by method=network alone"),
    ],
)
def test_impossible_options(options: dict[str, object], said: str) -> None:
    with pytest.raises(UserError, match=said):
        Scribble(**options)  # type: ignore[arg-type]


@needs_data
def test_from_real_pidinet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SoftEdge, "native_resolution", 256)
    extractor = Scribble(method="network", model="pidinet", weights=str(ANNOTATORS / "pidinet"))
    strokes = extractor(disk())[:, :, 0]
    assert (strokes[ring(200, 0.5)] > 0).mean() > 0.9
    assert not strokes[~ring(200, 14)].any()


@needs_data
@pytest.mark.parametrize("name", ["user_1.png", "user_3.png"])
def test_a_real_drawing_is_lines_on_black(name: str) -> None:
    drawing = cv2.imread(str(DATA / "drawings" / name))
    assert 0.002 < (Scribble("drawing")(drawing) > 0).mean() < 0.3
