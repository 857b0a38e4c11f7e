"""The systems of the ablation as they draw, before their first step and trained: ControlNets and fine-tuned bases."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from zeroconv.base import BaseModel
from zeroconv.base.hashing import base_hash
from zeroconv.comparisons.direct_fine_tuning import DirectFineTuning
from zeroconv.comparisons.lora_fine_tuning import LoraFineTuning
from zeroconv.comparisons.rival import Rival
from zeroconv.control import ControlNet
from zeroconv.evaluation.drawing import Controls
from zeroconv.evaluation.held_out import Picture
from zeroconv.evaluation.measured import Asked
from zeroconv.reproduce.bench import Bench, images
from zeroconv.reproduce.rivals import CHANNELS, drawn_by, learnt
from zeroconv.reproduce.trainings import HELD_OUT, SCENES, Training, seconds_of, trained
from zeroconv.training.start import first_controlnet
from zeroconv.weights import Sidecar, load_with_sidecar

CONDITION = "canny"
STEPS = 1000
"""Of each training, fewer than elsewhere as there are so many."""

Drawing = Callable[[Sequence[str], Sequence[Asked], str], tuple[Picture, ...]]
"""Prompts, what is asked for and what the progress bar says -> pictures."""


@dataclass(frozen=True)
class Scale:
    """How much is trained of each system."""

    seeds: int = 3
    scenes: int = SCENES
    held_out: int = HELD_OUT
    changes: Mapping[str, Any] = field(default_factory=lambda: {"steps": STEPS, "gain_every": 50})
    """Of the recipe."""


@dataclass(frozen=True, eq=False)
class Ready:
    """A system that has been trained."""

    draw: Drawing
    seconds: float
    """Spent in the steps of its training."""
    is_base_locked: bool
    """Whether the base it draws with has the weights that it had, by hash."""


@dataclass(frozen=True)
class System(ABC):
    """One row of the tables."""

    name: str
    key: str
    """In the name of its trainings."""

    @abstractmethod
    def begun(self, bench: Bench, seed: int) -> Drawing:
        """Before the first step."""

    @abstractmethod
    def trained(self, bench: Bench, seed: int, scale: Scale) -> Ready:
        """Trained, which it is as far as its training is not there yet."""

    def folder(self, seed: int) -> str:
        """The name of a training."""
        return f"ablation-{self.key}-{seed}"


@dataclass(frozen=True)
class Variant(System):
    """A ControlNet; `key` is its variant."""

    def begun(self, bench: Bench, seed: int) -> Drawing:
        """A fresh one."""
        controlnet = first_controlnet(bench.base, CHANNELS, seed, None, self.key)
        return partial(_controlled, bench, controlnet, Sidecar())

    def trained(self, bench: Bench, seed: int, scale: Scale) -> Ready:
        """By `zeroconv train`."""
        changes = {**scale.changes, "variant": self.key, "seed": seed}
        found = trained(bench, Training(self.folder(seed), CONDITION, scale.scenes, scale.held_out, changes))
        draw = partial(_controlled, bench, *load_with_sidecar(found.folder.controlnet, bench.base))
        hashes = {found.training["base_hash_before"], found.training["base_hash_after"], base_hash(bench.base)}
        return Ready(draw, seconds_of(found), is_base_locked=len(hashes) == 1)


@dataclass(frozen=True)
class Unlocked(System):
    """A compared system in which weights of the base are trained. kind: makes it from the base and a seed."""

    kind: Callable[[BaseModel, int], Rival]

    def begun(self, bench: Bench, seed: int) -> Drawing:
        """As it is made."""
        rival = self.kind(bench.base, seed).requires_grad_(False)  # as the base: torch rounds otherwise for gradients
        return partial(_drawn_by, bench, rival)

    def trained(self, bench: Bench, seed: int, scale: Scale) -> Ready:
        """On the same examples by the same recipe."""
        system = learnt(
            bench,
            self.folder(seed),
            CONDITION,
            lambda base: self.kind(base, seed),
            scenes=scale.scenes,
            held_out=scale.held_out,
            **{**scale.changes, "seed": seed},
        )
        return Ready(partial(_drawn_by, bench, system.rival), system.seconds, is_base_locked=False)


FULL = Variant("ControlNet", "full")
LITE = Variant("ControlNet-lite", "lite")
GAUSSIAN = Variant("Gaussian joints", "gaussian")
SYSTEMS: Sequence[System] = (
    FULL,
    LITE,
    GAUSSIAN,
    Variant("middle only", "middle"),
    Variant("modulation, our reading", "modulation"),
    Unlocked("direct fine-tuning", "direct", lambda base, seed: DirectFineTuning(base)),
    Unlocked("LoRA fine-tuning", "lora", lambda base, seed: LoraFineTuning(base, seed=seed)),
)


def _controlled(
    bench: Bench, controlnet: ControlNet, sidecar: Sidecar, prompts: Sequence[str], asked: Sequence[Asked], what: str
) -> tuple[Picture, ...]:
    return bench.draw(prompts, Controls(controlnet, CONDITION, images(asked), sidecar), what=what)


def _drawn_by(
    bench: Bench, rival: Rival, prompts: Sequence[str], asked: Sequence[Asked], what: str
) -> tuple[Picture, ...]:
    return drawn_by(bench, rival, CONDITION, asked, prompts, what=what)
