"""One control as it is asked for: which condition, from what picture, how strongly, when, where and at which depth."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from PIL import Image

from zeroconv import conditions
from zeroconv.checked import number, number_or_list, set_field, yes_or_no
from zeroconv.errors import UserError
from zeroconv.sampling.layer_weights import LayerWeights, check_layer_weights
from zeroconv.sampling.timing import Schedule, Window, check_schedule, check_window

if TYPE_CHECKING:
    from zeroconv.adapter import Adapter
    from zeroconv.control import ControlNet


@dataclass(frozen=True)
class ControlRequest:
    """One condition, the picture it comes from, and how strongly, when and where it acts."""

    name: str
    """Which condition: canny, depth, ...; the aliases people know are understood."""
    image: str | Path | Image.Image
    """The picture the condition is made from, or with `ready` the condition image itself."""
    strength: float | tuple[float, ...] = 1.0
    """Factor on the control: 0 is none, 1 as trained; several numbers give every picture its own."""
    start: float = 0.0
    """Share of the sampling after which the control sets in, 0 to 1."""
    end: float = 1.0
    """Share of the sampling after which the control ends, 0 to 1."""
    window: Window = "steps"
    """What start and end are shares of: steps (diffusers, webui) or noise (ComfyUI's percent)."""
    schedule: Schedule = "constant"
    """How the strength runs over the window: constant, linear or cosine down to 0, or numbers joined by lines."""
    weights: LayerWeights = "flat"
    """How strongly each layer acts: flat, soft (0.825 ramp), logspace (diffusers), paper, paper-normalised, numbers."""
    conditional_only: bool = False
    """Control the half of the guidance that reads the prompt, not the one that reads the negative prompt."""
    mask: str | Path | Image.Image | None = None
    """A picture that is white where the control acts and black where it does not; brought to size like the input."""
    feather: float = 0.0
    """Pixels over which the mask's rim fades."""
    ready: bool = False
    """Whether the image already is the condition."""
    checkpoint: "str | Path | ControlNet | Adapter | None" = None
    """Which ControlNet or T2I-Adapter: folder, file, hub id, built-in name, or one in memory. None: the base's own."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """The condition's own options, e.g. low and high of canny."""

    def __post_init__(self) -> None:
        """UserError for an unknown condition or option, a strength that is no number, or an empty window."""
        set_field(self, "name", conditions.canonical(self.name))
        self._check_strength()
        self._check_mask()
        set_field(self, "options", MappingProxyType(dict(self.options)))
        yes_or_no(f"ready of {self.name}", self.ready)
        if self.ready and self.options:
            raise UserError(f"{self.name}: {next(iter(self.options))} has no effect on an image that is ready already")
        if not self.ready:
            made = conditions.create(self.name, **self.options)
            set_field(self, "options", MappingProxyType({name: getattr(made, name) for name in self.options}))
        if not isinstance(self.image, str | Path | Image.Image) or self.image == "":
            raise UserError(f"{self.name} needs a picture: expected {self.name}=FILE")

    def _check_strength(self) -> None:
        """How strongly, when and at which depth."""
        set_field(self, "strength", number_or_list(f"strength of {self.name}", self.strength))
        set_field(self, "start", number(f"start of {self.name}", self.start))
        set_field(self, "end", number(f"end of {self.name}", self.end))
        if not 0 <= self.start <= self.end <= 1:
            raise UserError(
                f"{self.name}: expected 0 <= start <= end <= 1, got start {self.start:g} and end {self.end:g}"
            )
        check_window(self.window, self.name)
        set_field(self, "schedule", check_schedule(self.schedule, self.name))
        set_field(self, "weights", check_layer_weights(self.weights, self.name))
        yes_or_no(f"conditional_only of {self.name}", self.conditional_only)

    def _check_mask(self) -> None:
        set_field(self, "feather", number(f"feather of {self.name}", self.feather))
        if not isinstance(self.mask, str | Path | Image.Image | None) or self.mask == "":
            raise UserError(f"the mask of {self.name} must be a picture, not {self.mask!r}")
        if self.feather < 0:
            raise UserError(f"feather of {self.name} must be 0 or more, not {self.feather:g}")
        if self.feather and self.mask is None:
            raise UserError(f"{self.name}: feather has no effect without a mask")

    def only(self, indices: Sequence[int]) -> "ControlRequest":
        """The control of these of a run's pictures."""
        if isinstance(self.strength, float):
            return self
        return replace(self, strength=tuple(self.strength[index] for index in indices))

    def strengths(self, count: int) -> tuple[float, ...]:
        """The strength for each of `count` pictures; UserError where there are several but not as many."""
        if isinstance(self.strength, float):
            return (self.strength,) * count
        if len(self.strength) != count:
            raise UserError(
                f"{self.name} has {len(self.strength)} strengths for {count} picture{'s' * (count > 1)}; "
                f"give one, or one for each seed"
            )
        return self.strength
