"""What a scene is, and how one is drawn from (seed, index): camera, light, background, one to three objects, a caption.

Everything here is the same on every machine; pixels are the renderer's business.
"""

import math
from dataclasses import dataclass

import numpy as np

from zeroconv.scenes import solids
from zeroconv.scenes.captions import caption, with_article
from zeroconv.scenes.dice import Dice
from zeroconv.scenes.figure import person
from zeroconv.scenes.solids import Pattern, Primitive, Surface, Vector
from zeroconv.scenes.vocabulary import (
    ACTIONS,
    BACKGROUNDS,
    COLOURS,
    KINDS,
    SIZES,
    WALL_COLOURS,
    Background,
    Colour,
)


@dataclass(frozen=True)
class Camera:
    """A pinhole: where it is, what it looks at (metres), focal length in half picture widths."""

    eye: Vector
    target: Vector
    focal: float


@dataclass(frozen=True)
class SceneObject:
    """One object: what it is in words, where, and the pieces it is made of."""

    kind: str
    colour: str
    size: str
    description: str
    position: tuple[float, float]  # x, z on the ground, metres
    primitives: tuple[Primitive, ...]
    keypoints: Vector | None = None  # (18, 3) metres, persons only


@dataclass(frozen=True)
class Scene:
    """A scene ready to be rendered; `objects` stand from left to right."""

    seed: int
    index: int
    caption: str
    background: Background
    wall: str | None  # a wall colour's name, indoors
    wall_distance: float  # z of the wall, metres
    camera: Camera
    light: Vector  # unit vector towards the light
    objects: tuple[SceneObject, ...]


def sample_scene(
    seed: int, index: int, *, kinds: tuple[str, ...] | None = None, background: str | None = None
) -> Scene:
    """Scene number `index` of the world `seed`; `kinds` (left to right) and `background` may be asked for."""
    dice = Dice(seed, index)
    place = BACKGROUNDS[background or dice.choice(tuple(BACKGROUNDS))]
    wall = dice.choice(tuple(WALL_COLOURS)) if place.is_indoor else None
    count = len(kinds) if kinds else dice.weighted({1: 0.55, 2: 0.39, 3: 0.06})
    yaw = dice.uniform(-0.15, 0.15)
    camera = _camera(count, yaw, dice)
    objects = _objects(kinds or _kinds(count, dice), yaw, dice)
    return Scene(
        seed,
        index,
        caption([o.description for o in objects], place, wall, dice),
        place,
        wall,
        dice.uniform(1.9, 3.2),
        camera,
        _light(dice),
        objects,
    )


_DISTANCE = {1: 2.7, 2: 3.5, 3: 4.6}
"""Metres from the camera to the middle of so many objects, before chance makes it 0.8 to 1.5 times as much."""
_PAN = {1: 0.45, 2: 0.375, 3: 0.3}
"""Metres at that distance by which the camera looks past the middle, to either side at most."""


def _camera(count: int, yaw: float, dice: Dice) -> Camera:
    """Where things stand in the picture, and how large they are, is left to chance: no caption tells it."""
    share = dice.uniform(0.8, 1.5)
    distance, pan = _DISTANCE[count] * share, _PAN[count] * share * dice.uniform(-1.0, 1.0)
    eye = np.array([distance * math.sin(yaw), dice.uniform(1.0, 2.1), -distance * math.cos(yaw)])
    target = np.array([pan * math.cos(yaw), dice.uniform(0.3, 1.15), pan * math.sin(yaw)])
    return Camera(eye, target, dice.uniform(1.45, 1.65))


def _light(dice: Dice) -> Vector:
    angle = dice.uniform(-0.7, 0.7)
    towards = np.array([math.sin(angle) * 0.8, dice.uniform(0.8, 1.3), -math.cos(angle) * 0.75])
    return np.asarray(towards / np.linalg.norm(towards))


def _kinds(count: int, dice: Dice) -> tuple[str, ...]:
    """Kinds from left to right: persons a little more often, at most one of them."""
    chosen: list[str] = []
    for _ in range(count):
        weights = {kind: 1.5 if kind == "person" else 1.0 for kind in KINDS}
        if "person" in chosen:
            weights["person"] = 0.0
        chosen.append(dice.weighted(weights))
    return tuple(chosen)


_PLACES = {1: (0.0,), 2: (-0.95, 0.95), 3: (-1.6, 0.0, 1.6)}
_SPREAD = {1: 0.3, 2: 0.25, 3: 0.15}
"""Metres by which a thing may stand beside its place."""


def _objects(kinds: tuple[str, ...], yaw: float, dice: Dice) -> tuple[SceneObject, ...]:
    """The objects side by side as the camera, turned by `yaw`, sees them."""
    across, away = np.array([math.cos(yaw), math.sin(yaw)]), np.array([-math.sin(yaw), math.cos(yaw)])
    spread, made = _SPREAD[len(kinds)], []
    for kind, place in zip(kinds, _PLACES[len(kinds)], strict=True):
        x, z = across * (place + dice.uniform(-spread, spread)) + away * dice.uniform(-0.6, 0.8)
        made.append(_object(kind, float(x), float(z), yaw, dice))
    return tuple(made)


def _object(kind: str, x: float, z: float, yaw: float, dice: Dice) -> SceneObject:
    if kind == "person":
        return _person(x, z, yaw, dice)
    size = dice.weighted({"small": 0.25, "": 0.5, "large": 0.25})
    metres = SIZES[size] * dice.uniform(0.94, 1.06)
    if kind == "tree":
        return _tree(x, z, size, metres, dice)
    colour = dice.choice(tuple(COLOURS))
    if kind == "house":
        roof, door = dice.choice(("red", "brown", "black", "orange", "blue")), dice.choice(("brown", "white", "black"))
        turn = dice.uniform(-0.6, 0.6) - yaw
        pieces = solids.house(x, z, metres, turn, _shade(colour, dice), COLOURS[roof], COLOURS[door])
        description = _words(size, colour, "house", f"with {with_article(roof)} roof" if dice.chance(0.6) else "")
        return SceneObject(kind, colour, size, description, (x, z), tuple(pieces))
    finish = dice.weighted({"": 0.80, "shiny": 0.12, "striped": 0.04, "checkered": 0.04})
    if kind == "ring" and finish in ("striped", "checkered"):
        finish = ""
    pattern = {"striped": Pattern.STRIPED, "checkered": Pattern.CHECKERED}.get(finish, Pattern.PLAIN)
    gloss = 0.75 if finish == "shiny" else 0.12
    surface = Surface(_shade(colour, dice), pattern, dice.uniform(2.0, 3.0) / metres, gloss)
    # A ring faces the viewer, more or less; of a cube or a pyramid two faces show.
    turn = dice.uniform(-0.7, 0.7) - yaw if kind == "ring" else dice.uniform(0.25, 1.3) - yaw
    piece = solids.solid(kind, x, z, metres, turn, surface)
    return SceneObject(kind, colour, size, _words(size, finish, colour, kind), (x, z), (piece,))


def _tree(x: float, z: float, size: str, metres: float, dice: Dice) -> SceneObject:
    if dice.chance(0.35):
        pieces = solids.pine_tree(x, z, metres)
        return SceneObject("tree", "green", size, _words(size, "pine tree"), (x, z), tuple(pieces))
    colour = dice.weighted({"green": 0.5, "orange": 0.17, "yellow": 0.17, "pink": 0.16})
    pieces = solids.broad_tree(x, z, metres, solids.FOLIAGE[colour], dice)
    return SceneObject("tree", colour, size, _words(size, colour, "tree"), (x, z), tuple(pieces))


def _person(x: float, z: float, yaw: float, dice: Dice) -> SceneObject:
    shirt, trousers, action = dice.choice(tuple(COLOURS)), dice.choice(tuple(COLOURS)), dice.choice(ACTIONS)
    facing, height = dice.uniform(-0.5, 0.5) - yaw, dice.uniform(1.0, 1.12)
    figure = person(x, z, height, facing, action, (COLOURS[shirt], COLOURS[trousers]), dice)
    description = f"person in {with_article(shirt)} shirt and {trousers} trousers {action}"
    return SceneObject("person", shirt, "", description, (x, z), figure.primitives, figure.keypoints)


def _shade(colour: str, dice: Dice) -> Colour:
    red, green, blue = (min(1.0, channel * dice.uniform(0.95, 1.03)) for channel in COLOURS[colour])
    return red, green, blue


def _words(*words: str) -> str:
    return " ".join(word for word in words if word)
