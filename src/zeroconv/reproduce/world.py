"""What experiments measure on: held-out scenes of the embedded world, read by the perception network that ships.

N pictures.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from zeroconv.base.hashing import weights_hash
from zeroconv.evaluation.fidelity import fidelity_of
from zeroconv.evaluation.held_out import EVALUATION_SEED, HeldOut, Picture, Progress, held_out_scenes, render_scenes
from zeroconv.evaluation.judge import Judge
from zeroconv.evaluation.measured import Fidelity
from zeroconv.evaluation.objects import single_object_scenes
from zeroconv.evaluation.quality.kernel import estimate_kernel
from zeroconv.evaluation.quality.pictures import of_scenes
from zeroconv.evaluation.quality.scene_text import share_seen
from zeroconv.evaluation.statistics import Estimate
from zeroconv.perception import load_perception
from zeroconv.scenes import KINDS, Scene, SceneObject


@dataclass(frozen=True, eq=False)
class World:
    """Scenes with exact truth, at `size` x `size` pixels."""

    size: int
    progress: Progress
    judge: Judge = field(default_factory=lambda: Judge(load_perception()))
    reference: int = 512
    """Rendered pictures that the quality of drawn ones is measured against."""

    alignment_name = "objects named that are seen"
    quality_name = "kernel distance to true pictures"

    def held_out(self, count: int, selects: Callable[[Scene], bool] | None = None) -> HeldOut:
        """The first `count` scenes of the evaluation's seed, of those that `selects`."""
        return held_out_scenes(count, self.size, selects=selects, progress=self.progress)

    def single_objects(self, count: int) -> HeldOut:
        """Scenes with one object, all kinds in turn."""
        scenes = single_object_scenes(count)
        return HeldOut(EVALUATION_SEED, scenes, render_scenes(scenes, self.size, progress=self.progress))

    def fidelity(self, condition: str) -> Fidelity:
        """How well pictures follow a condition."""
        return fidelity_of(condition, self.judge)

    def conflicting(self, held_out: HeldOut) -> list[str]:
        """For scenes with one object: the caption with the kind after its own in its place, in the same colour."""
        return [_renamed(scene.caption, scene.objects[0]) for scene in held_out.scenes]

    def alignment(self, pictures: Sequence[Picture], captions: Sequence[str]) -> list[float]:
        """(N,) the share of the objects each caption names, in their colour, that are seen in its picture."""
        seen = self.judge.objects(pictures)
        shares = [share_seen(caption, objects) for caption, objects in zip(captions, seen, strict=True)]
        return [0.0 if share is None else share for share in shares]

    def quality(self, pictures: Sequence[Picture]) -> Estimate:
        """The kernel distance of N pictures to rendered ones of other scenes; 0 for equal distributions."""
        return estimate_kernel(self.judge.features(pictures), self._reference)

    def describe(self) -> Mapping[str, Any]:
        """What the figures depend on beside networks and drawing."""
        return {"world": "scenes", "judge": weights_hash(self.judge.network)[:16], "reference": self.reference}

    @cached_property
    def _reference(self) -> Any:
        true = of_scenes(self.reference, self.size)
        return self.judge.features([true.load(k) for k in self.progress(range(len(true)), "reference")])


def _renamed(caption: str, thing: SceneObject) -> str:
    other = KINDS[(KINDS.index(thing.kind) + 1) % len(KINDS)]
    return caption.replace(thing.description, f"{thing.colour} {other}")
