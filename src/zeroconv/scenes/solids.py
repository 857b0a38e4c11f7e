"""The shapes of the world as lists of primitives that a ray can be intersected with.

Coordinates: metres, x right, y up, z away from the viewer; the ground is y = 0. Angles in radians.
"""

import math
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from zeroconv.scenes.dice import Dice
from zeroconv.scenes.vocabulary import COLOURS, Colour

Vector = NDArray[np.float64]
NUM_PARAMETERS = 24


class Shape(IntEnum):
    """Primitive shapes and the layout of their parameters."""

    ELLIPSOID = 0  # centre (3), radii (3)
    FRUSTUM = 1  # x, z, y0, y1, r0, r1: an upright cone or cylinder
    POLYHEDRON = 2  # six half spaces n.x <= w: (nx, ny, nz, w) each
    CAPSULE = 3  # end a (3), end b (3), radius
    TORUS = 4  # centre (3), axis (3), ring radius, tube radius


class Pattern(IntEnum):
    """How the second colour is mixed in."""

    PLAIN = 0
    STRIPED = 1
    CHECKERED = 2
    BRICKS = 3
    LEAVES = 4


@dataclass(frozen=True)
class Surface:
    """How a piece looks: its colour, a pattern mixed into it, and how strongly it reflects the light."""

    colour: Colour
    pattern: Pattern = Pattern.PLAIN
    pattern_scale: float = 1.0  # repeats per metre
    gloss: float = 0.12


@dataclass(frozen=True)
class Primitive:
    """One convex piece (or torus) of an object, with its surface."""

    shape: Shape
    parameters: tuple[float, ...]
    centre: Vector
    radius: float  # of a sphere about the centre that holds the piece
    surface: Surface


def rotation(yaw: float) -> Vector:
    """The rotation (3, 3) about the vertical."""
    c, s = math.cos(yaw), math.sin(yaw)
    return np.array([[c, 0.0, s], [0.0, 1.0, 0.0], [-s, 0.0, c]])


def ellipsoid(centre: Vector, radii: tuple[float, float, float], surface: Surface) -> Primitive:
    """An axis-aligned ellipsoid."""
    return Primitive(Shape.ELLIPSOID, (*centre, *radii), centre, max(radii), surface)


def frustum(
    x: float, z: float, heights: tuple[float, float], radii: tuple[float, float], surface: Surface
) -> Primitive:
    """An upright frustum: a cylinder for equal radii, a cone for a top radius near zero."""
    (low, high), widest = heights, max(radii)
    centre = np.array([x, (low + high) / 2, z])
    parameters = (x, z, low, high, *radii)
    bound = math.hypot((high - low) / 2, widest)
    return Primitive(Shape.FRUSTUM, parameters, centre, bound, surface)


def capsule(a: Vector, b: Vector, radius: float, surface: Surface) -> Primitive:
    """A limb from a to b with round ends."""
    bound = float(np.linalg.norm(b - a)) / 2 + radius
    return Primitive(Shape.CAPSULE, (*a, *b, radius), (a + b) / 2, bound, surface)


def polyhedron(planes: list[tuple[Vector, float]], centre: Vector, radius: float, surface: Surface) -> Primitive:
    """The intersection of up to six half spaces n.x <= w (normals of length one)."""
    padded = planes + [planes[0]] * (6 - len(planes))
    parameters = tuple(float(v) for normal, w in padded for v in (*normal, w))
    return Primitive(Shape.POLYHEDRON, parameters, centre, radius, surface)


def box(centre: Vector, half: Vector, turn: Vector, surface: Surface) -> Primitive:
    """A box with half edges `half` (3,), turned by the rotation `turn` (3, 3)."""
    planes = [
        (sign * turn[:, axis], float(sign * turn[:, axis] @ centre + half[axis]))
        for axis in range(3)
        for sign in (1, -1)
    ]
    return polyhedron(planes, centre, float(np.linalg.norm(half)), surface)


def through(normal: Vector, point: Vector) -> tuple[Vector, float]:
    """The half space below the plane through `point` with the given outward normal."""
    unit = normal / np.linalg.norm(normal)
    return unit, float(unit @ point)


def solid(kind: str, x: float, z: float, size: float, yaw: float, surface: Surface) -> Primitive:
    """One of the six simple solids, standing on the ground at (x, z), about 2 x size tall."""
    if kind == "sphere":
        return ellipsoid(np.array([x, size, z]), (size, size, size), surface)
    if kind == "cube":
        half = size * 0.82
        return box(np.array([x, half, z]), np.full(3, half), rotation(yaw), surface)
    if kind == "cone":
        return frustum(x, z, (0.0, size * 1.95), (size * 0.95, 0.001), surface)
    if kind == "cylinder":
        return frustum(x, z, (0.0, size * 1.75), (size * 0.68, size * 0.68), surface)
    if kind == "pyramid":
        return _pyramid(x, z, size, yaw, surface)
    assert kind == "ring", kind
    axis, ring, tube = rotation(yaw) @ np.array([0.0, 0.0, 1.0]), size * 0.74, size * 0.28
    centre = np.array([x, ring + tube, z])
    return Primitive(Shape.TORUS, (*centre, *axis, ring, tube), centre, ring + tube, surface)


def _pyramid(x: float, z: float, size: float, yaw: float, surface: Surface) -> Primitive:
    half, height, turn = size * 0.98, size * 1.75, rotation(yaw)
    top = np.array([x, height, z])
    sides = [through(turn @ np.array([math.cos(a) * height, half, math.sin(a) * height]), top) for a in _QUARTERS]
    planes = [*sides, (np.array([0.0, -1.0, 0.0]), 0.0)]
    return polyhedron(planes, np.array([x, height * 0.3, z]), size * 1.5, surface)


_QUARTERS = tuple(k * math.pi / 2 for k in range(4))


def house(x: float, z: float, size: float, yaw: float, walls: Colour, roof: Colour, door: Colour) -> list[Primitive]:
    """Walls, a gabled roof, a door and a window, seen from the front."""
    half, height, turn = size * 0.85, size * 1.05, rotation(yaw)
    centre, depth = np.array([x, height / 2, z]), half * 0.8

    def on_front(right: float, up: float) -> Vector:
        return np.asarray(centre + turn @ np.array([right * half, up * height, -depth]))

    body = box(centre, np.array([half, height / 2, depth]), turn, Surface(walls, Pattern.BRICKS, gloss=0.05))
    door_half = np.array([half * 0.2, height * 0.29, 0.03])
    window_half = np.array([half * 0.25, height * 0.18, 0.03])
    return [
        body,
        _gable(x, z, size, turn, half, height, depth, Surface(roof, gloss=0.05)),
        box(on_front(-0.38, -0.2), door_half, turn, Surface(door)),
        box(on_front(0.42, 0.05), window_half, turn, Surface((0.75, 0.88, 0.97), gloss=0.5)),
    ]


def _gable(
    x: float, z: float, size: float, turn: Vector, half: float, height: float, depth: float, surface: Surface
) -> Primitive:
    rise, eaves, overhang = size * 0.78, half * 1.16, depth * 1.12
    ridge, middle = np.array([x, height + rise, z]), np.array([x, height, z])
    slopes = [through(turn @ np.array([sign * rise, eaves, 0.0]), ridge) for sign in (1, -1)]
    ends = [(side, float(side @ middle) + overhang) for side in (turn[:, 2], -turn[:, 2])]
    floor = (np.array([0.0, -1.0, 0.0]), -height)
    bound = math.hypot(eaves, overhang) + rise * 0.2
    return polyhedron([*slopes, *ends, floor], middle + np.array([0, rise * 0.3, 0]), bound, surface)


FOLIAGE: dict[str, Colour] = {
    "green": (0.20, 0.52, 0.16),
    "orange": (0.88, 0.45, 0.10),
    "yellow": (0.90, 0.76, 0.18),
    "pink": (0.95, 0.62, 0.75),
}
PINE: Colour = (0.07, 0.36, 0.18)
BARK = Surface(COLOURS["brown"], gloss=0.02)


def broad_tree(x: float, z: float, size: float, foliage: Colour, dice: Dice) -> list[Primitive]:
    """A trunk under a crown of three ellipsoids."""
    trunk_top, leaves = size * 1.05, Surface(foliage, Pattern.LEAVES, gloss=0.02)
    pieces = [
        frustum(x, z, (0.0, trunk_top), (size * 0.17, size * 0.13), BARK),
        ellipsoid(np.array([x, trunk_top + size * 0.5, z]), (size * 0.8, size * 0.72, size * 0.8), leaves),
    ]
    for _ in range(2):
        angle, lift = dice.uniform(0, 2 * math.pi), dice.uniform(0.2, 0.7)
        offset = np.array([math.cos(angle) * 0.42, lift, math.sin(angle) * 0.42]) * size
        pieces.append(ellipsoid(np.array([x, trunk_top, z]) + offset, (size * 0.5,) * 3, leaves))
    return pieces


def pine_tree(x: float, z: float, size: float) -> list[Primitive]:
    """A trunk under three stacked cones."""
    trunk = frustum(x, z, (0.0, size * 0.6), (size * 0.15, size * 0.13), BARK)
    needles = Surface(PINE, Pattern.LEAVES, gloss=0.02)
    storeys = ((0.42, 0.78), (0.92, 0.62), (1.42, 0.44))
    return [
        trunk,
        *(
            frustum(
                x,
                z,
                (size * low, size * (low + 0.92)),
                (size * r, 0.001),
                needles,
            )
            for low, r in storeys
        ),
    ]
