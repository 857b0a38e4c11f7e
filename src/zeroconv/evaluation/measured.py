"""What a measure of fidelity consists of, and the truth of scenes that measures ask for.

H, W pixels.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from zeroconv.evaluation.held_out import RENDERED_TOGETHER, HeldOut, Picture, groups
from zeroconv.scenes import Render, Scene, render
from zeroconv.scenes.truth import Pictures, condition_images


@dataclass(frozen=True)
class Asked:
    """What one picture was asked to follow."""

    image: Picture
    """The condition image (H, W, 3) that the ControlNet sees."""
    truth: Any
    """The same as the score compares it: an edge map, classes, joints ...; None: nothing is there to be followed."""


@dataclass(frozen=True)
class Fidelity:
    """One condition's measure."""

    metric: str
    """What a score is, in words."""
    extractor: Mapping[str, Any]
    """What finds the condition in a picture, as part of the protocol."""
    asked: Callable[[Any], list[Asked]]
    """What each held-out picture asks for, of HeldOut scenes or of Photographs, whichever it measures."""
    found: Callable[[Sequence[Picture]], list[Any]]
    """What is found in each picture, to be compared with `Asked.truth`."""
    score: Callable[[Any, Any], float]
    """(found, truth) -> score."""
    is_error: bool = False
    """Whether less is better."""
    selects: Callable[[Scene], bool] | None = None
    """The scenes on which there is something to measure; None: all."""


def asked_by(
    condition: str, held_out: HeldOut, truths: Callable[[Render, Sequence[Scene], Pictures], Iterable[Any]]
) -> list[Asked]:
    """The exact condition image of each scene, with its truth: `truths` of some scenes, their render and images."""
    asked: list[Asked] = []
    for scenes in groups(held_out.scenes, RENDERED_TOGETHER):
        drawn = render(scenes, size=len(held_out.pictures[0]))
        images = condition_images(condition, drawn, scenes)
        asked += [Asked(*pair) for pair in zip(images, truths(drawn, scenes, images), strict=True)]
    return asked
