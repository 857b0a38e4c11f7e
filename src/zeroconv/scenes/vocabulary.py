"""What the procedural world is made of: kinds, colours, backgrounds and class ids, and the words captions use for them.

The world is deliberately plain (soft textures, few patterns): a small base learns shapes from it in hours on a CPU.
"""

from dataclasses import dataclass

import numpy as np

Colour = tuple[float, float, float]  # linear RGB in [0, 1]

COLOURS: dict[str, Colour] = {
    "red": (0.82, 0.10, 0.10),
    "orange": (0.95, 0.48, 0.06),
    "yellow": (0.96, 0.84, 0.12),
    "green": (0.13, 0.62, 0.20),
    "blue": (0.10, 0.26, 0.85),
    "purple": (0.46, 0.16, 0.70),
    "pink": (0.96, 0.50, 0.70),
    "brown": (0.42, 0.24, 0.11),
    "white": (0.94, 0.94, 0.92),
    "black": (0.07, 0.07, 0.08),
}
"""The ten object colours."""

WALL_COLOURS: dict[str, Colour] = {
    "white": (0.90, 0.90, 0.88),
    "gray": (0.60, 0.60, 0.62),
    "blue": (0.42, 0.54, 0.82),
    "green": (0.45, 0.70, 0.50),
    "pink": (0.90, 0.66, 0.74),
    "yellow": (0.93, 0.84, 0.54),
}
"""Walls and studio backdrops are paler than objects, so that an object of the same name stands out."""

SOLIDS = ("sphere", "cube", "cone", "pyramid", "cylinder", "ring")
KINDS = (*SOLIDS, "house", "tree", "person")
CLASSES = ("sky", "ground", "wall", *KINDS)
"""Class ids of the segmentation are positions in this tuple."""

PALETTE = np.array(
    [
        (6, 200, 240),  # sky
        (150, 110, 70),  # ground
        (150, 150, 150),  # wall
        (230, 30, 60),  # sphere
        (30, 60, 230),  # cube
        (250, 190, 20),  # cone
        (140, 20, 200),  # pyramid
        (20, 200, 160),  # cylinder
        (255, 120, 200),  # ring
        (255, 110, 10),  # house
        (10, 140, 20),  # tree
        (150, 5, 61),  # person
    ],
    dtype=np.uint8,
)
"""Segmentation colours (12, 3) uint8, one per class id; all different, so that ids can be read back."""

SIZES: dict[str, float] = {"small": 0.55, "": 0.72, "large": 0.88}
"""Size words and the half height in metres they stand for."""

ACTIONS = ("standing", "waving", "with arms raised", "walking", "dancing")


@dataclass(frozen=True)
class Background:
    """One of the six backgrounds: two ground colours, the sky from zenith to horizon, and how captions name it."""

    name: str
    phrases: tuple[str, ...]
    ground: tuple[Colour, Colour]
    sky: tuple[Colour, Colour]
    clouds: float = 0.0  # 0 none .. 1 dense
    daylight: float = 1.0  # factor on the light
    is_indoor: bool = False
    has_planks: bool = False


BACKGROUNDS: dict[str, Background] = {
    b.name: b
    for b in (
        Background(
            "meadow",
            ("on grass under a blue sky", "on a green meadow", "under a blue sky"),
            ((0.32, 0.57, 0.19), (0.24, 0.48, 0.13)),
            ((0.16, 0.42, 0.88), (0.68, 0.85, 0.98)),
            clouds=0.35,
        ),
        Background(
            "desert",
            ("on sand at sunset", "in the desert at sunset", "at sunset"),
            ((0.90, 0.76, 0.50), (0.82, 0.66, 0.42)),
            ((0.40, 0.28, 0.56), (0.99, 0.64, 0.34)),
        ),
        Background(
            "snow",
            ("on snow under a gray sky", "in the snow", "in winter"),
            ((0.93, 0.95, 0.98), (0.86, 0.90, 0.95)),
            ((0.50, 0.54, 0.60), (0.76, 0.79, 0.82)),
        ),
        Background(
            "night",
            ("on a field at night", "under a dark night sky", "at night"),
            ((0.22, 0.33, 0.26), (0.16, 0.26, 0.21)),
            ((0.02, 0.03, 0.13), (0.13, 0.16, 0.38)),
            daylight=0.7,
        ),
        Background(
            "room",
            (
                "on a wooden floor in front of a {wall} wall",
                "in a room with a {wall} wall",
                "in front of a {wall} wall",
            ),
            ((0.66, 0.43, 0.24), (0.54, 0.33, 0.17)),
            ((0.80, 0.80, 0.80), (0.80, 0.80, 0.80)),
            is_indoor=True,
            has_planks=True,
        ),
        Background(
            "studio",
            ("on a plain {wall} background", "in a {wall} studio", "on {wall}"),
            ((0.80, 0.80, 0.80), (0.80, 0.80, 0.80)),
            ((0.80, 0.80, 0.80), (0.80, 0.80, 0.80)),
            is_indoor=True,
        ),
    )
}
