"""The bench that experiments work on: base, ControlNets, scenes and how they are drawn; the same for all of a run."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from zeroconv import __version__
from zeroconv.base import BaseModel
from zeroconv.base.hashing import base_hash, weights_hash
from zeroconv.control import ControlNet
from zeroconv.data.cache import default_cache
from zeroconv.evaluation.drawing import Controls, draw, settled
from zeroconv.evaluation.held_out import Picture, Progress, TruePictures, silent
from zeroconv.evaluation.measured import Asked, Fidelity
from zeroconv.evaluation.report import INTERVAL
from zeroconv.evaluation.sampler import Sampler
from zeroconv.generate.prepare import default_checkpoint
from zeroconv.reproduce.material import Ground, Material
from zeroconv.reproduce.world import World
from zeroconv.weights import Sidecar, load_with_sidecar


@dataclass(frozen=True, eq=False)
class Bench:
    """What experiments share. Drawings start from the same noise, picture by picture, whatever the setting."""

    base: BaseModel
    ground: Ground
    """Scenes or photographs."""
    out: Path
    """The folder of all experiments; trainings lie in its trainings/."""
    count: int = 64
    """Pictures drawn for each setting."""
    sampler: Sampler = field(default_factory=Sampler)
    checkpoints: Mapping[str, str] = field(default_factory=dict)
    """Condition -> ControlNet, in place of the built-in ones."""
    cache: Path = field(default_factory=default_cache)
    """Of training data."""
    workers: int = 0
    """Processes that prepare training data."""
    progress: Progress = silent
    _loaded: dict[str, tuple[ControlNet, Sidecar]] = field(default_factory=dict)

    @property
    def world(self) -> World:
        """The embedded world, for experiments that need it; the command makes sure that it is the ground."""
        assert isinstance(self.ground, World)
        return self.ground

    @cached_property
    def drawing(self) -> Sampler:
        """The sampler with the base's own settings filled in."""
        return settled(self.sampler, self.base)

    def controlnet(self, condition: str) -> tuple[ControlNet, Sidecar]:
        """The ControlNet of a condition and what is known of it, loaded once."""
        if condition not in self._loaded:
            source = self.checkpoints.get(condition) or default_checkpoint(self.base, condition)
            self._loaded[condition] = load_with_sidecar(source, self.base)
        return self._loaded[condition]

    def material(self, *conditions: str, single: bool = False) -> Material:
        """Held-out pictures, and what they ask for under these conditions; single: those of one object."""
        sidecars = {name: self.controlnet(name)[1] for name in conditions}
        return self.ground.material(sidecars, self.count, single=single)

    def controls(self, condition: str, asked: Sequence[Asked], **how: Any) -> Controls:
        """That ControlNet under the condition images of what was asked for; `how` are fields of Controls."""
        return _controls(self.controlnet(condition), condition, asked, **how)

    def controls_of(self, source: Path, condition: str, asked: Sequence[Asked], **how: Any) -> Controls:
        """The same of a ControlNet in a folder."""
        return _controls(load_with_sidecar(source, self.base), condition, asked, **how)

    def draw(
        self,
        prompts: Sequence[str],
        controls: Controls | Sequence[Controls] = (),
        *,
        what: str,
        base: BaseModel | None = None,
        guidance: float | None = None,
    ) -> tuple[Picture, ...]:
        """A picture for each prompt; `base` and `guidance` in place of the bench's."""
        sampler = self.drawing if guidance is None else replace(self.drawing, guidance=guidance)
        return draw(base or self.base, prompts, sampler, controls=controls, what=what, progress=self.progress)

    def protocol(self, held_out: TruePictures, *conditions: str, **further: Any) -> dict[str, Any]:
        """What the figures of an experiment depend on: its scenes, the ControlNets of its conditions, and `further`."""
        drawing = asdict(self.drawing)
        del drawing["batch"]  # moves pictures by rounding only
        return {
            "zeroconv": __version__,
            "base": base_hash(self.base),
            "controlnets": {name: weights_hash(self.controlnet(name)[0]) for name in conditions},
            "sampler": drawing,
            "dtype": str(self.base.dtype).removeprefix("torch."),
            "pictures": held_out.describe(),
            "interval": INTERVAL,
            **self.ground.describe(),
            **further,
        }


def _controls(loaded: tuple[ControlNet, Sidecar], condition: str, asked: Sequence[Asked], **how: Any) -> Controls:
    controlnet, sidecar = loaded
    return Controls(controlnet, condition, images(asked), sidecar, **how)


def images(asked: Sequence[Asked]) -> list[Picture]:
    """The condition images of what was asked for."""
    return [one.image for one in asked]


def scores(fidelity: Fidelity, pictures: Sequence[Picture], asked: Sequence[Asked]) -> list[float]:
    """How well each picture follows what was asked of it."""
    return [fidelity.score(f, a.truth) for f, a in zip(fidelity.found(pictures), asked, strict=True)]
