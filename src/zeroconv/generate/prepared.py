"""A request in which nothing is left open: what `prepare` makes and `generate` turns into pictures."""

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple

from PIL import Image

from zeroconv.adapter import Adapter
from zeroconv.base import BaseModel
from zeroconv.control import ControlNet, Text
from zeroconv.generate.speed import LEVELS, Level
from zeroconv.request.control import ControlRequest
from zeroconv.request.request import Request
from zeroconv.sampling.image_start import skipped_steps
from zeroconv.weights import Sidecar


class OwnImages(NamedTuple):
    """What one picture of a run is controlled by, where each has its own."""

    condition: Image.Image
    """At the run's size."""
    mask: Image.Image | None
    """In grey at the run's size; the pictures of a run have all one or all none."""


@dataclass(frozen=True, eq=False)
class PreparedControl:
    """One control, ready to act."""

    request: ControlRequest
    """As asked, with the options and the checkpoint that are in force."""
    picture: Image.Image
    """The input at the run's size."""
    condition: Image.Image
    """What the ControlNet sees, at the run's size."""
    controlnet: ControlNet | Adapter
    sidecar: Sidecar
    """What is known of how the ControlNet was trained."""
    mask: Image.Image | None = None
    """Where the control acts, in grey at the run's size: white where it does."""
    own: "tuple[OwnImages, ...]" = ()
    """The condition and the mask of each of the run's pictures, where they differ; empty: all share those above."""

    def only(self, indices: Sequence[int]) -> "PreparedControl":
        """The control of these of the run's pictures."""
        own = tuple(self.own[index] for index in indices) if self.own else ()
        return replace(self, request=self.request.only(indices), own=own)


@dataclass(frozen=True, eq=False)
class Prepared:
    """A request in which nothing is left open, with all that sampling needs."""

    base: BaseModel
    """The base, with the request's LoRAs in it."""
    request: Request
    """As asked, with guidance, size and scheduler in force."""
    controls: tuple[PreparedControl, ...]
    scheduler: Any
    """The diffusers scheduler, not yet set to the steps."""
    image: Image.Image | None = None
    """The picture to change, at the run's size."""
    mask: Image.Image | None = None
    """Where it is made anew, in grey at the run's size."""
    level: Level = LEVELS["exact"]
    """What is left out for speed."""
    notes: tuple[str, ...] = ()
    """What was decided for the user, in sentences."""
    texts: tuple[tuple[Text, Text], ...] = ()
    """The prompts and negative prompts as read, of each picture or of all, where the base has no text encoders."""

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in pixels."""
        assert self.request.size is not None
        return self.request.size

    def only(self, indices: Sequence[int]) -> "Prepared":
        """What is prepared for these of the request's pictures."""
        controls = tuple(control.only(indices) for control in self.controls)
        texts = self.texts if len(self.texts) < 2 else tuple(self.texts[index] for index in indices)
        return replace(self, request=self.request.only(indices), controls=controls, texts=texts)

    @property
    def guidance(self) -> float:
        """How strictly the prompt is followed."""
        assert self.request.guidance is not None
        return self.request.guidance

    @property
    def steps(self) -> int:
        """How many of the steps asked for are taken."""
        return self.level.steps(self.request.steps)

    @cached_property
    def num_steps(self) -> int:
        """How often the base is asked; second-order samplers ask more often than there are steps."""
        scheduler = deepcopy(self.scheduler)
        scheduler.set_timesteps(self.steps)
        skipped = 0 if self.request.denoise is None else skipped_steps(self.steps, self.request.denoise)
        return len(scheduler.timesteps) - skipped * int(scheduler.order)
