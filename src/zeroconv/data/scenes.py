"""Rendered scenes as training data: "scenes:N" is the first N scenes of a seed, each with its condition.

Conditions are the exact ground truth; one whose options are chosen is extracted from the picture with them.
Scene i of seed s is the same scene on every machine; its pixels agree to +-2/255.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import torch

from zeroconv import conditions, scenes
from zeroconv.conditions.person import mirrored_body
from zeroconv.data.extraction import Extraction, Picture
from zeroconv.data.mirror import DRAWN_ANEW, check_follows, mirrored_caption, mirrored_condition, mirrored_picture
from zeroconv.data.records import Example
from zeroconv.errors import UserError, nearest
from zeroconv.scenes.captions import listed_from_the_right
from zeroconv.scenes.truth import CONDITIONS, condition_images

HELD_OUT_SEEDS = 1_000_000
"""Held-out scenes have the seed of their training set plus this; training seeds are below it."""

RENDERED_TOGETHER = 16
"""Scenes per call of the renderer: enough to amortise its overhead, few enough to stay in the processor's cache."""


@dataclass(frozen=True)
class SceneSource:
    """`count` rendered scenes of `seed`, size x size pixels each."""

    count: int
    extraction: Extraction
    size: int = 128
    seed: int = 1
    is_held_out: bool = False
    is_mirrored: bool = False

    def __post_init__(self) -> None:
        if self.seed >= HELD_OUT_SEEDS and not self.is_held_out:
            raise UserError(f"the seed of training scenes must be below {HELD_OUT_SEEDS}; got {self.seed}")
        name = self.extraction.name
        if self.extraction.extract is None and name not in CONDITIONS:
            raise UserError(f"scenes have no {name} images; {nearest(name, CONDITIONS)}")

    def __len__(self) -> int:
        return self.count

    def describe(self) -> dict[str, Any]:
        mirrored = {"mirrored": True} if self.is_mirrored else {}
        return {"kind": "scenes", "seed": self.seed, "size": self.size, **mirrored}

    def read(self, indices: Sequence[int]) -> list[Example]:
        """The scenes at `indices`; on one thread, so that the number of threads changes no pixel's rounding."""
        examples: list[Example] = []
        with _one_thread():
            for start in range(0, len(indices), RENDERED_TOGETHER):
                examples += self._render(indices[start : start + RENDERED_TOGETHER])
        return examples

    def split(self, held_out: int) -> tuple["SceneSource", "SceneSource | None"]:
        """All scenes, and as many of another seed."""
        if not held_out:
            return self, None
        return self, replace(self, count=held_out, seed=self.seed + HELD_OUT_SEEDS, is_held_out=True)

    def mirrored(self) -> "SceneSource":
        """The same scenes as a mirror shows them."""
        check_follows(self.extraction.name, self.extraction.options, "--flip 0")
        return replace(self, is_mirrored=True)

    def _render(self, indices: Sequence[int]) -> list[Example]:
        sampled = [scenes.sample_scene(self.seed, index) for index in indices]
        render = scenes.render(sampled, size=self.size)
        pictures, extract = list(render.rgb.numpy()), self.extraction.extract
        if self.is_mirrored:
            pictures = [mirrored_picture(picture) for picture in pictures]
        if extract is None or (self.extraction.is_default and self.extraction.name in CONDITIONS):
            made = self._truth(render, sampled)
        else:
            made = [extract(picture) for picture in pictures]
        return [
            Example(
                name=f"scene-{self.seed}-{index}",
                image=picture,
                caption=_mirrored_caption(scene) if self.is_mirrored else scene.caption,
                condition=condition,
                index=index,
            )
            for index, scene, picture, condition in zip(indices, sampled, pictures, made, strict=True)
        ]

    def _truth(self, render: scenes.Render, sampled: Sequence[scenes.Scene]) -> list[Picture]:
        """The condition images that the renderer knows; in a mirror poses are drawn anew, since they tell the sides."""
        name = self.extraction.name
        if not self.is_mirrored:
            return list(condition_images(name, render, sampled))
        if name in DRAWN_ANEW:
            return list(condition_images(name, _with_mirrored_keypoints(render), sampled))
        made = condition_images(name, render, sampled)
        return [mirrored_condition(name, self.extraction.options, image) for image in made]


def _with_mirrored_keypoints(render: scenes.Render) -> scenes.Render:
    width = render.depth.shape[2]
    persons = tuple(tuple(mirrored_body(body.numpy(), width) for body in scene) for scene in render.keypoints)
    return replace(render, keypoints=tuple(tuple(map(torch.from_numpy, scene)) for scene in persons))


def _mirrored_caption(scene: scenes.Scene) -> str:
    descriptions = [thing.description for thing in scene.objects]
    return mirrored_caption(listed_from_the_right(scene.caption, descriptions))


def reading_options(condition: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """The options with which other pictures of this world give what training took from the renderer.

    That is the perception network that ships, where the options left at their default stand for a foreign network;
    any others as they are.
    """
    if conditions.kind(condition).extractor is None or options.get("method") != "network":
        return dict(options)
    asked, usual = conditions.create(condition, **options), conditions.create(condition)
    return conditions.recorded(conditions.create(condition, method="scenes") if asked == usual else asked)


@contextmanager
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
