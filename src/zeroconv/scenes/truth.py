"""The condition images of all nine conditions, made from a scene's exact ground truth instead of an estimate.

Each entry of CONDITIONS turns a render and its scenes into pictures (B, H, H, 3) uint8, RGB, at the render's size, in
the polarity that released ControlNets expect (arXiv:2302.05543; ControlNet 1.1 for normal and lineart).
Letters: B scenes, H picture side in pixels.
"""

import math
import random
from collections.abc import Callable, Mapping, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from zeroconv import conditions
from zeroconv.conditions.registry import one_thread
from zeroconv.conditions.skeleton import draw_pose
from zeroconv.errors import UserError, nearest
from zeroconv.scenes.outlines import find_outlines
from zeroconv.scenes.renderer import Render
from zeroconv.scenes.straight import straight_edges
from zeroconv.scenes.vocabulary import PALETTE
from zeroconv.scenes.world import Scene

INNER_STRENGTH = 0.7  # of the lines within an object in soft edges, where outlines have 1

SHORTEST_CONTOUR = 6  # pixels around; specks between limbs are not worth a stroke

Pictures = NDArray[np.uint8]
Draw = Callable[[Render, Sequence[Scene]], Pictures]

REFERENCE_SIZE = 128
"""Widths of soft lines and scribbles are given in pixels of a picture of this size and grow with the picture."""


def condition_images(name: str, render: Render, scenes: Sequence[Scene]) -> Pictures:
    """The condition `name` (or an alias) of every scene of a render, (B, H, H, 3) uint8; UserError for other names."""
    draw = CONDITIONS.get(conditions.canonical(name))
    if draw is None:
        raise UserError(f"the scenes have no ground truth for {name}; {nearest(name, CONDITIONS)}")
    with one_thread():
        return draw(render, scenes)


def canny(render: Render, scenes: Sequence[Scene]) -> Pictures:
    """Canny edges (thresholds 100, 200) of the colour picture: white on black, 0 or 255."""
    extract = conditions.create("canny")
    return np.stack([extract(picture) for picture in render.rgb.cpu().numpy()])


def hough(render: Render, scenes: Sequence[Scene]) -> Pictures:
    """Straight edges projected from the geometry: white lines one pixel wide on black, 0 or 255."""
    return _three(_straight(render, scenes, cv2.LINE_8))


def hed(render: Render, scenes: Sequence[Scene]) -> Pictures:
    """Soft edges: blurred outlines, white on black, 0..255; folds and steps within an object are fainter."""
    curves, straight = _drawn_lines(render, scenes)
    strength = np.maximum(curves, straight.astype(np.float32) / 255 * INNER_STRENGTH)
    return _three(_soft(strength, sigma=0.8 * _scale(render)))


def scribble(render: Render, scenes: Sequence[Scene]) -> Pictures:
    """The objects' outlines as a hasty hand draws them: thick, wobbly, white on black, 0 or 255.

    The hand depends on (seed, index) of the scene alone.
    """
    instances = render.instances.cpu().numpy()
    return _three(np.stack([_scribbled(i, s) for i, s in zip(instances, scenes, strict=True)]))


def pose(render: Render, scenes: Sequence[Scene]) -> Pictures:
    """OpenPose-18 skeletons: coloured limbs on black, RGB."""
    size = (render.depth.shape[1], render.depth.shape[2])
    return np.stack([draw_pose([p.cpu().numpy() for p in persons], size) for persons in render.keypoints])


def segmentation(render: Render, scenes: Sequence[Scene]) -> Pictures:
    """One colour of PALETTE for each class."""
    return np.asarray(PALETTE[render.classes.cpu().numpy()])


def depth(render: Render, scenes: Sequence[Scene]) -> Pictures:
    """Inverse depth, from the farthest (0) to the nearest (255) of each picture: near is bright, the sky is 0."""
    nearness = 1.0 / render.depth.cpu().numpy()  # 0 for the sky
    low, high = (limit(nearness, axis=(1, 2), keepdims=True) for limit in (np.min, np.max))
    share = (nearness - low) / np.maximum(high - low, 1e-9)
    return _three(np.rint(share * 255).astype(np.uint8))


def normal(render: Render, scenes: Sequence[Scene]) -> Pictures:
    """Surface directions as ControlNet 1.1 colours them: red is left, green is up, blue is towards the viewer.

    The render's x points right, so red is (1 - x) / 2; green is (1 + y) / 2 and blue (1 + z) / 2, times 255.
    The sky, which has no surface, is drawn as if it faced the viewer: (128, 128, 255).
    """
    directions = render.normal.cpu().numpy().copy()
    directions[np.isinf(render.depth.cpu().numpy())] = (0.0, 0.0, 1.0)
    directions[..., 0] *= -1
    return np.rint((directions + 1) / 2 * 255).clip(0, 255).astype(np.uint8)


def lineart(render: Render, scenes: Sequence[Scene]) -> Pictures:
    """A thin anti-aliased line drawing: white on black, 0..255, the way it is fed to the network."""
    curves, straight = _drawn_lines(render, scenes)
    near_straight = np.stack([cv2.dilate(s, np.ones((3, 3), np.uint8)) for s in straight]) > 64
    curves = np.where(near_straight, 0.0, (curves > 0) * 1.0).astype(np.float32)
    return _three(np.maximum(_soft(curves, sigma=0.5), straight))


CONDITIONS: Mapping[str, Draw] = {
    "canny": canny,
    "hough": hough,
    "hed": hed,
    "scribble": scribble,
    "pose": pose,
    "segmentation": segmentation,
    "depth": depth,
    "normal": normal,
    "lineart": lineart,
}
"""What draws each condition, by its own name; zeroconv.conditions.kind(name) says how its image reads."""


def _scale(render: Render) -> float:
    return render.depth.shape[1] / REFERENCE_SIZE


def _three(grey: Pictures) -> Pictures:
    """(B, H, H) -> (B, H, H, 3)."""
    return np.repeat(grey[..., None], 3, axis=-1)


def _drawn_lines(render: Render, scenes: Sequence[Scene]) -> tuple[NDArray[np.float32], Pictures]:
    """What a drawing of the scenes consists of: outlines (B, H, H) in [0, 1] with fainter inner lines, and straight
    edges (B, H, H) in 0..255. Both hold the straight outlines; inner lines along a straight edge are that edge alone.
    """
    found, straight = find_outlines(render), _straight(render, scenes, cv2.LINE_AA)
    near_straight = np.stack([cv2.dilate(s, np.ones((5, 5), np.uint8)) for s in straight]) > 64
    inner = (found.folds | found.steps) & ~near_straight
    return np.maximum(found.silhouettes * 1.0, inner * INNER_STRENGTH).astype(np.float32), straight


def _soft(strength: NDArray[np.float32], sigma: float) -> Pictures:
    """Blur lines (B, H, H) in [0, 1] so that a single line keeps its strength along its middle -> 0..255."""
    reach = math.ceil(4 * sigma)
    middle = 1.0 / sum(math.exp(-0.5 * (k / sigma) ** 2) for k in range(-reach, reach + 1))
    blurred = np.stack([cv2.GaussianBlur(s, (0, 0), sigma) for s in strength])
    return np.asarray(np.rint((blurred / middle).clip(0, 1) * 255), np.uint8)


def _straight(render: Render, scenes: Sequence[Scene], kind: int) -> Pictures:
    """The visible straight edges of each scene, drawn (B, H, H)."""
    metres = render.depth.cpu().numpy()
    return np.stack(
        [_draw_straight(straight_edges(s, d), d.shape[0], kind) for s, d in zip(scenes, metres, strict=True)]
    )


def _draw_straight(edges: NDArray[np.float64], size: int, kind: int) -> Pictures:
    """Edges (E, 2, 2) in pixels, the first pixel spanning [0, 1) -> white lines (H, H) one pixel wide."""
    canvas = np.zeros((size, size), np.uint8)
    # OpenCV's pixel 0 is centred at 0, and takes fractions as integers of 1/16 (4 bits)
    fixed = np.rint((edges - 0.5) * 16).astype(int).tolist()
    for start, end in fixed:
        cv2.line(canvas, start, end, 255, 1, kind, 4)
    return canvas


def _scribbled(instances: Pictures, scene: Scene) -> Pictures:
    """One picture (H, H): each contour of each object, pushed by slow waves, drawn with a thick pen."""
    size = instances.shape[0]
    pen = random.Random(f"zeroconv-pen-{scene.seed}-{scene.index}").random()
    thickness = max(2, round((1.6 + 2.2 * pen) * size / REFERENCE_SIZE))
    canvas = np.zeros((size, size), np.uint8)
    for k in range(1, len(scene.objects) + 1):
        draw = random.Random(f"zeroconv-scribble-{scene.seed}-{scene.index}-{k}").random
        mask = (instances == k).astype(np.uint8)
        contours, _ = cv2.findContours(mask, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
        for contour in contours:
            if len(contour) >= SHORTEST_CONTOUR:
                _draw_wobbly(canvas, contour[:, 0].astype(np.float64), thickness, draw)
    return canvas


def _draw_wobbly(canvas: Pictures, contour: NDArray[np.float64], thickness: int, draw: Callable[[], float]) -> None:
    """Draw a closed contour (N, 2), displaced. Along the picture's frame no object ends, so nothing is drawn there."""
    size, length = canvas.shape[0], len(contour)
    along = np.linspace(0.0, 2 * math.pi, length, endpoint=False)
    moved = contour.copy()
    for wave in (40.0, 17.0):  # pixels at the reference size; longer waves are higher
        cycles = max(1, round(length / (wave * size / REFERENCE_SIZE)))
        height = wave / 32 * size / REFERENCE_SIZE
        for axis in (0, 1):
            moved[:, axis] += height * (0.4 + 0.6 * draw()) * np.sin(cycles * along + 2 * math.pi * draw())
    on_frame = np.any((contour <= 0) | (contour >= size - 1), axis=1)
    for start in range(length):
        end = (start + 1) % length
        if not (on_frame[start] and on_frame[end]):
            a, b = np.rint(moved[[start, end]]).astype(int).tolist()
            cv2.line(canvas, a, b, 255, thickness)
