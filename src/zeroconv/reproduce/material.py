"""What an experiment is measured on: held-out pictures, and what each asks for under some conditions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from zeroconv.evaluation.held_out import Picture, TruePictures
from zeroconv.evaluation.measured import Asked, Fidelity
from zeroconv.evaluation.statistics import Estimate
from zeroconv.weights import Sidecar


@dataclass(frozen=True, eq=False)
class Material:
    """N held-out pictures, each of which asks for something under every condition."""

    held_out: TruePictures
    fidelity: Mapping[str, Fidelity]
    """Condition -> how well pictures follow it."""
    asked: Mapping[str, list[Asked]]
    """Condition -> what each of the N pictures asks for."""


class Ground(Protocol):
    """Where experiments are made: on scenes of the embedded world, or on photographs."""

    @property
    def alignment_name(self) -> str:
        """What `alignment` is, as tables call it."""
        ...

    @property
    def quality_name(self) -> str:
        """What `quality` is, as tables call it."""
        ...

    def material(self, sidecars: Mapping[str, Sidecar], count: int, *, single: bool = False) -> Material:
        """`count` held-out pictures for some conditions, whose ControlNets want their images as the sidecars say.

        single: with one object, where pictures are told apart by that.
        """
        ...

    def conflicting(self, held_out: TruePictures) -> list[str]:
        """For each picture a caption of something else."""
        ...

    @property
    def recognised_name(self) -> str:
        """What `recognised` is, as tables call it."""
        ...

    def recognised(self, pictures: Sequence[Picture], captions: Sequence[str]) -> list[float]:
        """(N,) how well each picture fits what a condition can show of its caption."""
        ...

    def alignment(self, pictures: Sequence[Picture], captions: Sequence[str]) -> list[float]:
        """(N,) how well each picture fits its caption."""
        ...

    def quality(self, pictures: Sequence[Picture]) -> Estimate:
        """The distance of N pictures to true ones; less is better."""
        ...

    def describe(self) -> dict[str, Any]:
        """What the figures depend on beside the networks and how is drawn."""
        ...
