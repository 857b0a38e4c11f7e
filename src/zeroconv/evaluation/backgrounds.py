"""Does the background follow the caption? A check on plain colours that needs no perception network.

A picture is described by the mean colours of its upper and its lower border; the most similar true picture of another
scene says which background that is. The same rule on true pictures shows how far the rule itself can be trusted.

N pictures; H, W pixels.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from zeroconv.evaluation.held_out import HeldOut, Picture
from zeroconv.scenes import Scene

BORDER = 8  # the upper and the lower eighth of a picture, where objects seldom reach


def is_background_named(scene: Scene) -> bool:
    """Whether the caption says what the background is; some captions leave it out."""
    return any(phrase.format(wall=scene.wall) in scene.caption for phrase in scene.background.phrases)


def backgrounds_right(held_out: HeldOut, pictures: Sequence[Picture]) -> dict[int, bool]:
    """Pictures drawn for the N scenes -> whether the background is right, for the scenes whose caption names it."""
    labels = [scene.background.name for scene in held_out.scenes]
    wanted = [k for k, scene in enumerate(held_out.scenes) if is_background_named(scene)]
    return _right(held_out.pictures, pictures, labels, wanted)


def walls_right(held_out: HeldOut, pictures: Sequence[Picture]) -> dict[int, bool]:
    """Pictures drawn for the N scenes -> whether the wall has the right colour, for scenes that name their wall."""
    indoors = [k for k, scene in enumerate(held_out.scenes) if scene.wall is not None]
    walls = [str(held_out.scenes[k].wall) for k in indoors]
    wanted = [place for place, k in enumerate(indoors) if is_background_named(held_out.scenes[k])]
    answers = _right([held_out.pictures[k] for k in indoors], [pictures[k] for k in indoors], walls, wanted)
    return {indoors[place]: is_right for place, is_right in answers.items()}


def _right(
    true: Sequence[Picture], pictures: Sequence[Picture], labels: Sequence[str], wanted: Sequence[int]
) -> dict[int, bool]:
    """For each wanted k: has the true picture most similar to pictures[k], its own scene's left out, the same label?"""
    if len(true) < 2:
        return {}
    references, drawn = _border_colours(true), _border_colours(pictures)
    distances = np.linalg.norm(drawn[:, None] - references[None], axis=2)
    np.fill_diagonal(distances, np.inf)
    nearest = distances.argmin(axis=1)
    return {k: labels[int(nearest[k])] == labels[k] for k in wanted}


def _border_colours(pictures: Sequence[Picture]) -> NDArray[np.float64]:
    """(N, 6): mean RGB of the upper border, then of the lower, 0 to 255."""
    stacked = np.stack(pictures).astype(np.float64)
    rows = max(stacked.shape[1] // BORDER, 1)
    upper, lower = stacked[:, :rows].mean(axis=(1, 2)), stacked[:, -rows:].mean(axis=(1, 2))
    return np.concatenate([upper, lower], axis=1)
