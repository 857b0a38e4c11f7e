"""The straight edges of a scene that can be seen, exactly: projected from its geometry, cut where something hides them.

Edges of cubes, pyramids and houses, the sides of cones and cylinders, the foot of a wall. Textures (planks, stripes)
and limbs are not edges. Letters: E edges, V vertices, F faces, H picture side in pixels. Lengths in metres.
"""

from collections.abc import Iterator
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from zeroconv.scenes.solids import Primitive, Shape
from zeroconv.scenes.world import Camera, Scene

Points = NDArray[np.float64]

SHORTEST = 0.05
"""Of the picture's side: shorter pieces are left out, as line detectors leave them out."""

TOLERANCE = 0.015
"""How much nearer than an edge, as a share, something must be to hide it."""

WALL_REACH = 8.0
"""Metres to either side that the foot of a wall is followed; the camera sees less."""


def straight_edges(scene: Scene, depth: NDArray[np.float32]) -> Points:
    """Visible straight pieces (E, 2, 2) of a scene whose render has `depth` (H, H): start and end, x, y in pixels."""
    size = depth.shape[0]
    nearness = _farthest_around(1.0 / depth.astype(np.float64))  # 0 for the sky
    pieces: list[Points] = []
    for edge in _edges(scene):
        screen, towards = project(scene.camera, edge, size)
        if towards.min() > 0.05:  # in front of the camera
            pieces += _visible_pieces(screen, 1.0 / towards, nearness)
    long_enough = [p for p in pieces if np.linalg.norm(p[1] - p[0]) >= SHORTEST * size]
    return np.array(long_enough) if long_enough else np.zeros((0, 2, 2))


def _edges(scene: Scene) -> Iterator[Points]:
    """Every straight edge (2, 3) that faces the camera."""
    if scene.wall is not None:
        yield np.array([[sign * WALL_REACH, 0.0, scene.wall_distance] for sign in (-1, 1)])
    for thing in scene.objects:
        for primitive in thing.primitives:
            if primitive.shape == Shape.POLYHEDRON:
                yield from _polyhedron_edges(primitive, scene.camera.eye)
            elif primitive.shape == Shape.FRUSTUM:
                yield from _frustum_sides(primitive, scene.camera.eye)


def _polyhedron_edges(primitive: Primitive, eye: Points) -> Iterator[Points]:
    """Two corners (2, 3) for each pair of faces that meet, if one of the two is turned to the eye."""
    planes = np.unique(np.array(primitive.parameters).reshape(-1, 4).round(9), axis=0)
    normals, offsets = planes[:, :3], planes[:, 3]
    corners: list[tuple[frozenset[int], Points]] = []
    for trio in combinations(range(len(planes)), 3):
        faces = list(trio)
        if abs(np.linalg.det(normals[faces])) > 1e-6:
            corner = np.linalg.solve(normals[faces], offsets[faces])
            if np.all(normals @ corner <= offsets + 1e-6):
                touched = np.flatnonzero(np.abs(normals @ corner - offsets) < 1e-6)
                corners.append((frozenset(touched.tolist()), corner))
    is_seen = normals @ eye > offsets
    for first, second in combinations(range(len(planes)), 2):
        ends = [corner for faces, corner in corners if {first, second} <= faces]
        if len(ends) >= 2 and (is_seen[first] or is_seen[second]):
            lengths = [float(np.linalg.norm(a - b)) for a, b in combinations(ends, 2)]
            if max(lengths) > 1e-6:
                yield np.stack(list(combinations(ends, 2))[int(np.argmax(lengths))])


def _frustum_sides(primitive: Primitive, eye: Points) -> Iterator[Points]:
    """The two lines (2, 3) along which sight grazes an upright cone or cylinder; none from above its slope.

    A surface point at angle a has the normal (cos a, -k, sin a), k = (r1 - r0) / (y1 - y0); sight grazes it where
    the normal is at right angles to the line to the eye: ex cos a + ez sin a = r0 + k (ey - y0).
    """
    x, z, low, high, r0, r1 = primitive.parameters[:6]
    slope = (r1 - r0) / (high - low)
    across, away = float(eye[0]) - x, float(eye[2]) - z
    share = (r0 + slope * (float(eye[1]) - low)) / np.hypot(across, away)
    if abs(share) >= 1:
        return
    for sign in (-1, 1):
        angle = np.arctan2(away, across) + sign * np.arccos(share)
        c, s = np.cos(angle), np.sin(angle)
        yield np.array([[x + r0 * c, low, z + r0 * s], [x + r1 * c, high, z + r1 * s]])


def project(camera: Camera, points: Points, size: int) -> tuple[Points, Points]:
    """Points (V, 3) -> positions (V, 2) in pixels and distances (V,) along the optical axis; as the renderer's rays."""
    forward = (camera.target - camera.eye) / np.linalg.norm(camera.target - camera.eye)
    right = np.cross([0.0, 1.0, 0.0], forward)
    right /= np.linalg.norm(right)
    up = np.cross(forward, right)
    offset = points - camera.eye
    distance = offset @ forward
    x, y = offset @ right / distance * camera.focal, offset @ up / distance * camera.focal
    return np.stack([(x + 1) * size / 2, (1 - y) * size / 2], 1), distance


def _visible_pieces(screen: Points, nearness: Points, scene_nearness: Points) -> list[Points]:
    """Cut a projected edge (2, 2) into the pieces (2, 2) that are in the picture and not hidden.

    Along a line on the screen the inverse distance is linear, so hidden parts are found by sampling it twice a pixel.
    """
    size = scene_nearness.shape[0]
    steps = max(2, int(np.linalg.norm(screen[1] - screen[0]) * 2) + 1)
    share = np.linspace(0.0, 1.0, min(steps, 16 * size))[:, None]
    points = screen[0] * (1 - share) + screen[1] * share
    near = (nearness[0] * (1 - share) + nearness[1] * share)[:, 0]
    inside = np.all((points >= 0) & (points < size), axis=1)
    column, row = np.clip(points.astype(np.int64), 0, size - 1).T
    visible = inside & (scene_nearness[row, column] <= near * (1 + TOLERANCE))
    bounds = np.flatnonzero(np.diff(np.concatenate([[False], visible, [False]]).astype(np.int8)))
    return [np.stack([points[start], points[end - 1]]) for start, end in bounds.reshape(-1, 2)]


def _farthest_around(nearness: Points) -> Points:
    """The smallest inverse depth in each 3x3 neighbourhood (H, H): an edge lies half outside its own object."""
    padded = np.pad(nearness, 1, mode="edge")
    rows = np.minimum(np.minimum(padded[:-2], padded[1:-1]), padded[2:])
    return np.minimum(np.minimum(rows[:, :-2], rows[:, 1:-1]), rows[:, 2:])
