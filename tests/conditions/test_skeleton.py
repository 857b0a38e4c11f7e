"""The OpenPose drawing: order, colours, visibility, and the released drawing at 512 pixels to the last pixel."""

import math

import cv2
import numpy as np
import pytest

from zeroconv.conditions.skeleton import COLOURS, LIMBS, draw_pose
from zeroconv.scenes.figure import KEYPOINTS


def standing_person(size: int) -> np.ndarray:
    """A frontal person filling most of a square picture; its right side is on the picture's left."""
    places = [
        (0.50, 0.20), (0.50, 0.32), (0.40, 0.32), (0.34, 0.45), (0.31, 0.57), (0.60, 0.32),
        (0.67, 0.44), (0.71, 0.55), (0.44, 0.58), (0.42, 0.75), (0.41, 0.91), (0.56, 0.58),
        (0.58, 0.75), (0.60, 0.91), (0.48, 0.18), (0.52, 0.18), (0.45, 0.19), (0.55, 0.19),
    ]  # fmt: skip
    return np.array([(x * size, y * size, 2.0) for x, y in places], np.float32)


def released_drawing(person: np.ndarray, size: int) -> np.ndarray:
    """The drawing of the first release, in the plainest form: every limb is blended over the whole picture."""
    canvas = np.zeros((size, size, 3), np.uint8)
    for (x, y, _), colour in zip(person, COLOURS, strict=True):
        cv2.circle(canvas, (int(x), int(y)), 4, colour, thickness=-1)
    for (a, b), colour in zip(LIMBS, COLOURS, strict=False):
        rows, columns = person[[a, b], 1], person[[a, b], 0]
        length = math.hypot(rows[0] - rows[1], columns[0] - columns[1])
        angle = math.degrees(math.atan2(rows[0] - rows[1], columns[0] - columns[1]))
        middle = (int(np.mean(columns)), int(np.mean(rows)))
        layer = canvas.copy()
        outline = cv2.ellipse2Poly(middle, (int(length / 2), 4), int(angle), 0, 360, 1)
        cv2.fillConvexPoly(layer, outline, colour)
        canvas = cv2.addWeighted(canvas, 0.4, layer, 0.6, 0)
    return canvas


def test_at_512_pixels_it_is_the_released_drawing():
    person = standing_person(512)
    released = released_drawing(person, 512)
    assert released.any(axis=2).sum() > 3000
    np.testing.assert_array_equal(draw_pose([person], (512, 512)), released)


def test_limbs_join_neighbouring_joints():
    names = {frozenset((KEYPOINTS[a], KEYPOINTS[b])) for a, b in LIMBS}
    for side in ("right", "left"):
        for pair in (("shoulder", "elbow"), ("elbow", "wrist"), ("hip", "knee"), ("knee", "ankle"), ("eye", "ear")):
            assert frozenset(f"{side} {joint}" for joint in pair) in names
        assert frozenset(("neck", f"{side} shoulder")) in names
    assert len(LIMBS) == 17
    assert len(set(COLOURS)) == 18


@pytest.mark.parametrize(
    ("start", "end", "colour"),
    [(1, 2, (153, 0, 0)), (8, 9, (0, 153, 51)), (12, 13, (0, 51, 153))],  # red, green and blue, times 0.6
)
def test_a_limb_is_rgb_with_opacity_point_six(start, end, colour):
    person = standing_person(512)
    person[[k for k in range(18) if k not in (start, end)], 2] = 0
    x, y = person[[start, end], :2].mean(axis=0)
    assert draw_pose([person], (512, 512))[int(y), int(x)].tolist() == pytest.approx(colour, abs=1)


def test_a_small_drawing_is_the_large_one_reduced():
    small = draw_pose([standing_person(128)], (128, 128))
    large = draw_pose([standing_person(512)], (512, 512))
    reduced = cv2.resize(large, (128, 128), interpolation=cv2.INTER_AREA)
    np.testing.assert_array_equal(small, reduced)


def test_what_lies_outside_is_not_drawn():
    person = standing_person(512)
    person[:, 2] = 0
    assert not draw_pose([person], (512, 512)).any()


def test_hidden_joints_are_drawn_and_hidden_faces_are_not():
    person = standing_person(512)
    person[:, 2] = 1
    drawn = draw_pose([person], (512, 512))
    wrist, nose = person[4, :2].astype(int), person[0, :2].astype(int)
    assert drawn[wrist[1], wrist[0]].any()
    assert not drawn[nose[1], nose[0]].any()


def test_limbs_that_leave_the_picture_are_cut_at_its_frame():
    person = standing_person(512)
    person[:, 0] -= 250  # half of it beyond the left frame
    whole = draw_pose([standing_person(512)], (512, 512))
    cut = draw_pose([person], (512, 512))
    np.testing.assert_array_equal(cut[:, 20:200], whole[:, 270:450])
    person[:, 0] -= 2000
    assert not draw_pose([person], (512, 512)).any()


def test_several_persons_and_none_in_pictures_of_any_shape():
    first, second = standing_person(100), standing_person(100)
    second[:, 0] += 100
    both = draw_pose([first, second], (100, 200))
    assert both.shape == (100, 200, 3)
    np.testing.assert_array_equal(both[:, :100], draw_pose([first], (100, 200))[:, :100])
    assert both[:, 100:].any()
    assert not draw_pose([], (31, 17)).any()
