"""What a measure of fidelity consists of, and the truth of scenes that measures ask for.

H, W pixels.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from zeroconv.evaluation.held_out import RENDERED_TOGETHER, HeldOut, Picture, groups
from zeroconv.scenes import Render, Scene, render
from zeroconv.scenes.truth import condition_images


@dataclass(frozen=True)
class Asked:
    """What one picture was asked to follow."""

    image: Picture
    """The condition image (H, W, 3) that the ControlNet sees."""
    truth: Any
    """The same as the score compares it: an edge map, classes, joints ..."""


@dataclass(frozen=True)
class Fidelity:
    """One condition's measure."""

    metric: str
    """What a score is, in words."""
    extractor: Mapping[str, Any]
    """What finds the condition in a picture, as part of the protocol."""
    asked: Callable[[HeldOut], list[Asked]]
    """What each held-out scene asks for."""
    found: Callable[[Sequence[Picture]], list[Any]]
    """What is found in each picture, to be compared with `Asked.truth`."""
    score: Callable[[Any, Any], float]
    """(found, truth) -> score."""
    is_error: bool = False
    """Whether less is better."""
    selects: Callable[[Scene], bool] | None = None
    """The scenes on which there is something to measure; None: all."""


def rendered(held_out: HeldOut) -> Iterator[tuple[Render, Sequence[Scene]]]:
    """The scenes again with all that is true of them, some at a time."""
    for group in groups(held_out.scenes, RENDERED_TOGETHER):
        yield render(group, size=len(held_out.pictures[0])), group


def true_images(condition: str, held_out: HeldOut) -> list[Picture]:
    """The exact condition image (H, W, 3) of each scene."""
    return [image for drawn, scenes in rendered(held_out) for image in condition_images(condition, drawn, scenes)]
