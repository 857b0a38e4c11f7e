"""The fidelity to conditions that are lines: canny, hough, hed, scribble, lineart."""

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np

from zeroconv import conditions
from zeroconv.evaluation.edges import TOLERANCE, edge_f1
from zeroconv.evaluation.held_out import Picture
from zeroconv.evaluation.judge import Judge
from zeroconv.evaluation.lines import NEAR, TURN, Segments, line_f1
from zeroconv.evaluation.measured import Asked, Fidelity, asked_by
from zeroconv.evaluation.thinning import thinned
from zeroconv.scenes import CLASSES, KINDS, Render, Scene
from zeroconv.scenes.straight import straight_edges
from zeroconv.scenes.truth import Pictures

CANNY = {"low": 100, "high": 200}
"""The released demos' defaults."""

DRAWN = 96
"""Brightness, 0 to 255, from which a pixel of a drawing of lines is part of a line."""
SURE = 0.4
"""The judge's certainty from which a pixel is part of a soft edge."""

F1 = f"F1, Chebyshev tolerance {TOLERANCE} px, largest one-to-one matching, mean over pictures"
LINE_F1 = f"line F1 by length: within {NEAR:g} px and {TURN:g} degrees, mean over pictures"
_OBJECTS = [CLASSES.index(kind) for kind in KINDS]


def canny() -> Fidelity:
    """The same extractor with the same options on what was drawn."""
    extract = conditions.create("canny", **CANNY)

    def found(pictures: Sequence[Picture]) -> list[Picture]:
        return [extract(picture) for picture in pictures]

    return Fidelity(
        metric=f"edge {F1}",
        extractor={"condition": "canny", **CANNY},
        asked=lambda held_out: [Asked(edges, edges) for edges in found(held_out.pictures)],
        found=found,
        score=edge_f1,
    )


def hed(judge: Judge) -> Fidelity:
    """The judge's soft edges, thinned, against the middle lines of the condition."""
    return _drawn_lines("hed", "soft edge", judge)


def lineart(judge: Judge) -> Fidelity:
    """The judge's soft edges, thinned, against the drawing's lines."""
    return _drawn_lines("lineart", "line", judge)


def scribble(judge: Judge) -> Fidelity:
    """The outlines of the objects that the judge sees against the middle of the strokes."""
    return Fidelity(
        metric=f"outline {F1}",
        extractor={"condition": "scribble", "by": "the judge's classes"},
        asked=lambda held_out: asked_by("scribble", held_out, _thin),
        found=lambda pictures: [_outlines(classes) for classes in judge.classes(pictures)],
        score=edge_f1,
    )


def hough() -> Fidelity:
    """Segments found in what was drawn against the scene's straight edges."""
    find: Any = conditions.create("hough")
    return Fidelity(
        metric=LINE_F1,
        extractor={"condition": "hough", "method": find.method, "shortest": find.shortest, "gap": find.gap},
        asked=lambda held_out: asked_by("hough", held_out, _segments),
        found=lambda pictures: [find.segments(picture) for picture in pictures],
        score=line_f1,
    )


def _drawn_lines(condition: str, what: str, judge: Judge) -> Fidelity:
    return Fidelity(
        metric=f"{what} {F1}",
        extractor={"condition": condition, "by": "the judge's soft edges", "sure": SURE, "drawn": DRAWN},
        asked=lambda held_out: asked_by(condition, held_out, _thin),
        found=lambda pictures: [_white(thinned(edges >= SURE)) for edges in judge.soft_edges(pictures)],
        score=edge_f1,
    )


def middle_lines(image: Picture) -> Picture:
    """A drawing of light lines (H, W, 3) -> the middles of its lines (H, W), white on black."""
    return _white(thinned(image[..., 0] >= DRAWN))


def _thin(drawn: Render, scenes: Sequence[Scene], images: Pictures) -> list[Picture]:
    return [middle_lines(image) for image in images]


def _outlines(classes: Picture) -> Picture:
    """Class numbers (H, W) -> the outline of each object's area, white on black; none along the frame."""
    drawing = np.zeros(classes.shape, np.uint8)
    for kind in _OBJECTS:
        contours, _ = cv2.findContours((classes == kind).astype(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
        for contour in contours:
            drawing[contour[:, 0, 1], contour[:, 0, 0]] = 255
    drawing[[0, -1]] = 0
    drawing[:, [0, -1]] = 0
    return drawing


def _segments(drawn: Render, scenes: Sequence[Scene], images: Pictures) -> list[Segments]:
    depths = drawn.depth.cpu().numpy()
    pairs = zip(scenes, depths, strict=True)
    return [straight_edges(*pair).reshape(-1, 4) - 0.5 for pair in pairs]  # here pixel 0 is centred at 0


def _white(mask: Any) -> Picture:
    return np.asarray(mask * 255, np.uint8)
