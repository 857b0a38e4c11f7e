"""The procedural world: scenes drawn from (seed, index), rendered with exact ground truth for every condition."""

from zeroconv.scenes.renderer import Render, render
from zeroconv.scenes.vocabulary import ACTIONS, BACKGROUNDS, CLASSES, COLOURS, KINDS, PALETTE
from zeroconv.scenes.world import Scene, SceneObject, sample_scene

__all__ = [
    "ACTIONS",
    "BACKGROUNDS",
    "CLASSES",
    "COLOURS",
    "KINDS",
    "PALETTE",
    "Render",
    "Scene",
    "SceneObject",
    "render",
    "sample_scene",
]
