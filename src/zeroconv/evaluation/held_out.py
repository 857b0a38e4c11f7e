"""Pictures that nothing was trained on: scenes with their captions, and the passage of any through the autoencoder.

N pictures; H, W pixels.
"""

import itertools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from zeroconv import scenes
from zeroconv.base import BaseModel
from zeroconv.data.scenes import HELD_OUT_SEEDS
from zeroconv.errors import UserError
from zeroconv.evaluation.report import captions_hash
from zeroconv.scenes import Scene

Picture = NDArray[np.uint8]  # (H, W, 3) RGB
T = TypeVar("T")

EVALUATION_SEED = 2 * HELD_OUT_SEEDS
"""The seed of the scenes evaluated on: training seeds, and those of the gain curves' held-out scenes, lie below it."""

RENDERED_TOGETHER = 16
ENCODED_TOGETHER = 32


class Progress(Protocol):
    """Something like tqdm: hands on the items, and may show how far it has come with `what`."""

    def __call__(self, items: Sequence[T], what: str) -> Iterable[T]: ...


def silent(items: Sequence[T], what: str) -> Iterable[T]:
    """Shows nothing."""
    return items


class TruePictures(Protocol):
    """N held-out pictures, scenes or photographs, and what each shows in words."""

    noun: ClassVar[str]
    """What one of them is called."""

    @property
    def names(self) -> Sequence[int | str]:
        """What tells each from the others."""
        ...

    @property
    def captions(self) -> tuple[str, ...]:
        """What each shows, in words."""
        ...

    @property
    def pictures(self) -> tuple[Picture, ...]:
        """Each at the base's native size."""
        ...

    def describe(self) -> dict[str, Any]:
        """Which they are, as plain JSON values: part of every protocol."""
        ...


@dataclass(frozen=True)
class HeldOut:
    """N scenes of one seed and their true pictures."""

    seed: int
    scenes: tuple[Scene, ...]
    pictures: tuple[Picture, ...]

    noun: ClassVar[str] = "scene"

    @property
    def names(self) -> Sequence[int]:
        """Their numbers."""
        return range(len(self.scenes))

    @property
    def captions(self) -> tuple[str, ...]:
        """What each scene shows, in words."""
        return tuple(scene.caption for scene in self.scenes)

    def describe(self) -> dict[str, Any]:
        """The seed, how many, and a hash of what they show."""
        return {"seed": self.seed, "count": len(self.scenes), "captions": captions_hash(self.captions)}


def held_out_scenes(
    count: int,
    size: int,
    *,
    seed: int = EVALUATION_SEED,
    selects: Callable[[Scene], bool] | None = None,
    progress: Progress = silent,
) -> HeldOut:
    """The first `count` (at least 2) scenes of `seed`, of those that `selects`, rendered at size x size pixels.

    UserError for a seed that training may have used, and for fewer than two scenes, which give no interval.
    """
    if seed < HELD_OUT_SEEDS:
        raise UserError(f"scenes of seeds below {HELD_OUT_SEEDS} may have been trained on, got the scenes' seed {seed}")
    if count < 2:
        raise UserError(f"at least 2 scenes are needed for an interval, got a count of {count}")
    every = (scenes.sample_scene(seed, index) for index in itertools.count())
    sampled = tuple(itertools.islice(filter(selects, every) if selects else every, count))
    return HeldOut(seed, sampled, render_scenes(sampled, size, progress=progress))


def render_scenes(sampled: Sequence[Scene], size: int, *, progress: Progress = silent) -> tuple[Picture, ...]:
    """The scenes' true pictures at size x size pixels."""
    pictures: list[Picture] = []
    for group in progress(groups(sampled, RENDERED_TOGETHER), "render"):
        pictures += list(scenes.render(group, size=size).rgb.cpu().numpy())
    return tuple(pictures)


def through_autoencoder(
    base: BaseModel, pictures: Sequence[Picture], *, progress: Progress = silent
) -> tuple[Picture, ...]:
    """Encode and decode each picture, rounded to 8 bits: the closest the base could come to drawing it."""
    decoded: list[Picture] = []
    for group in progress(groups(pictures, ENCODED_TOGETHER), "autoencoder"):
        images = torch.from_numpy(np.stack(group)).permute(0, 3, 1, 2).float() / 127.5 - 1
        decoded += to_pictures(base.decode(base.encode_image(images.to(base.device, base.dtype))))
    return tuple(decoded)


def to_pictures(images: torch.Tensor) -> list[Picture]:
    """(B, 3, H, W) in [-1, 1] -> B pictures (H, W, 3), rounded to the nearest of 256 levels; UserError for NaN."""
    if not images.isfinite().all():
        raise UserError(f"the base computed values that are no numbers, in {images.dtype}; use float32")
    levels = ((images.float() + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)
    return list(levels.permute(0, 2, 3, 1).cpu().numpy())


def groups(items: Sequence[T], size: int) -> list[Sequence[T]]:
    """The items in order, `size` at a time, the last group possibly smaller."""
    return [items[start : start + size] for start in range(0, len(items), size)]
