"""What experiments measure on: held-out scenes of the embedded world, read by the perception network that ships.

N pictures.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from zeroconv.base.hashing import weights_hash
from zeroconv.evaluation.fidelity import fidelity_of
from zeroconv.evaluation.held_out import (
    EVALUATION_SEED,
    HeldOut,
    Picture,
    Progress,
    TruePictures,
    held_out_scenes,
    render_scenes,
)
from zeroconv.evaluation.judge import Judge
from zeroconv.evaluation.measured import Fidelity
from zeroconv.evaluation.objects import single_object_scenes
from zeroconv.evaluation.quality.kernel import estimate_kernel
from zeroconv.evaluation.quality.pictures import of_scenes
from zeroconv.evaluation.quality.scene_text import share_seen, without_colours
from zeroconv.evaluation.statistics import Estimate
from zeroconv.perception import load_perception
from zeroconv.reproduce.material import Material
from zeroconv.scenes import KINDS, Scene, SceneObject
from zeroconv.weights import Sidecar


@dataclass(frozen=True, eq=False)
class World:
    """Scenes with exact truth, at `size` x `size` pixels."""

    size: int
    progress: Progress
    judge: Judge = field(default_factory=lambda: Judge(load_perception()))
    reference: int = 512
    """Rendered pictures that the quality of drawn ones is measured against."""

    alignment_name: str = "objects named that are seen"
    recognised_name: str = "objects named that are seen, whatever their colour"
    quality_name: str = "kernel distance to true pictures"

    def held_out(self, count: int, *selects: Callable[[Scene], bool]) -> HeldOut:
        """The first `count` scenes of the evaluation's seed, of those that each of `selects` takes."""
        taken = (lambda scene: all(one(scene) for one in selects)) if selects else None
        return held_out_scenes(count, self.size, selects=taken, progress=self.progress)

    def single_objects(self, count: int) -> HeldOut:
        """Scenes with one object, all kinds in turn."""
        scenes = single_object_scenes(count)
        return HeldOut(EVALUATION_SEED, scenes, render_scenes(scenes, self.size, progress=self.progress))

    def fidelity(self, condition: str) -> Fidelity:
        """How well pictures follow a condition."""
        return fidelity_of(condition, self.judge)

    def material(self, sidecars: Mapping[str, Sidecar], count: int, *, single: bool = False) -> Material:
        """Scenes of all sorts, of one object where `single`, or those in which each condition shows something."""
        fidelity = {name: self.fidelity(name) for name in sidecars}
        selects = [one.selects for one in fidelity.values() if one.selects is not None]
        held_out = self.single_objects(count) if single else self.held_out(count, *selects)
        return Material(held_out, fidelity, {name: one.asked(held_out) for name, one in fidelity.items()})

    def conflicting(self, held_out: TruePictures) -> list[str]:
        """For scenes with one object: the caption with the kind after its own in its place, in the same colour."""
        assert isinstance(held_out, HeldOut)
        return [_renamed(scene.caption, scene.objects[0]) for scene in held_out.scenes]

    def recognised(self, pictures: Sequence[Picture], captions: Sequence[str]) -> list[float]:
        """(N,) the same whatever the colours, which no drawn condition shows."""
        return self.alignment(pictures, [without_colours(caption) for caption in captions])

    def alignment(self, pictures: Sequence[Picture], captions: Sequence[str]) -> list[float]:
        """(N,) the share of the objects each caption names, in their colour, that are seen in its picture."""
        seen = self.judge.objects(pictures)
        shares = [share_seen(caption, objects) for caption, objects in zip(captions, seen, strict=True)]
        return [0.0 if share is None else share for share in shares]

    def quality(self, pictures: Sequence[Picture]) -> Estimate:
        """The kernel distance of N pictures to rendered ones of other scenes; 0 for equal distributions."""
        return estimate_kernel(self.judge.features(pictures), self._reference)

    def describe(self) -> dict[str, Any]:
        """The judge, and with how many pictures others are compared."""
        return {"ground": "scenes", "judge": weights_hash(self.judge.network)[:16], "reference": self.reference}

    @cached_property
    def _reference(self) -> Any:
        true = of_scenes(self.reference, self.size)
        return self.judge.features([true.load(k) for k in self.progress(range(len(true)), "reference")])


def _renamed(caption: str, thing: SceneObject) -> str:
    other = KINDS[(KINDS.index(thing.kind) + 1) % len(KINDS)]
    return caption.replace(thing.description, f"{thing.colour} {other}")
