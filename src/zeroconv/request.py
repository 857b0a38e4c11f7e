"""What one asks for: the prompt, the controls and the settings of one run, checked when it is written down.

A request is plain data: the command line, run.json, the web page and Python all make the same one, and
`zeroconv.generate` turns it into pictures.
"""

import math
import numbers
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from PIL import Image

from zeroconv import conditions
from zeroconv.errors import UserError
from zeroconv.images import Fit, check_fit
from zeroconv.schedulers import check_scheduler

if TYPE_CHECKING:
    from zeroconv.control import ControlNet

MAX_STEPS = 1000
MAX_SIDE = 8192
"""Pixels; above this no base works, and the memory would end first."""
MAX_ASPECT = 4
"""Longest default shape, as long side over short side; no base has seen longer pictures."""


@dataclass(frozen=True)
class ControlRequest:
    """One condition, the picture it comes from, and how strongly and when it acts."""

    name: str
    """Which condition: canny, depth, ...; the aliases people know are understood."""
    image: str | Path | Image.Image
    """The picture the condition is made from, or with `ready` the condition image itself."""
    strength: float = 1.0
    """Factor on the control: 0 is none, 1 as trained."""
    start: float = 0.0
    """Share of the steps after which the control sets in, 0 to 1."""
    end: float = 1.0
    """Share of the steps after which the control ends, 0 to 1."""
    ready: bool = False
    """Whether the image already is the condition."""
    checkpoint: "str | Path | ControlNet | None" = None
    """Which ControlNet: a folder, a file, a built-in name, or one in memory. None: the base's own for the condition."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """The condition's own options, e.g. low and high of canny."""

    def __post_init__(self) -> None:
        """UserError for an unknown condition or option, a strength that is no number, or an empty window."""
        _set(self, "name", conditions.canonical(self.name))
        _set(self, "strength", _number(f"strength of {self.name}", self.strength))
        _set(self, "start", _number(f"start of {self.name}", self.start))
        _set(self, "end", _number(f"end of {self.name}", self.end))
        _set(self, "options", MappingProxyType(dict(self.options)))
        if not isinstance(self.ready, bool):
            raise UserError(f"ready of {self.name} must be yes or no, not {self.ready!r}")
        if not 0 <= self.start <= self.end <= 1:
            raise UserError(
                f"{self.name}: expected 0 <= start <= end <= 1, got start {self.start:g} and end {self.end:g}"
            )
        if self.ready and self.options:
            raise UserError(f"{self.name}: {next(iter(self.options))} has no effect on an image that is ready already")
        if not self.ready:
            made = conditions.create(self.name, **self.options)
            _set(self, "options", MappingProxyType({name: getattr(made, name) for name in self.options}))
        if not isinstance(self.image, str | Path | Image.Image) or self.image == "":
            raise UserError(f"{self.name} needs a picture: expected {self.name}=FILE")


@dataclass(frozen=True)
class Request:
    """One run: everything that decides how its pictures look, but for the base."""

    prompt: str
    """What the pictures show, in words; empty leaves it to the controls."""
    controls: tuple[ControlRequest, ...] = ()
    """The conditions; several act together by addition."""
    negative: str = ""
    """What the pictures should not show; without effect at a guidance of 1."""
    steps: int = 20
    """Denoising steps."""
    guidance: float | None = None
    """How strictly the prompt is followed (classifier-free guidance); None: the base's default."""
    seeds: tuple[int, ...] = (0,)
    """One per picture; the same seed gives the same picture, alone or in company."""
    size: tuple[int, int] | None = None
    """(width, height) in pixels; None: the first input's shape, short side at the base's native size."""
    scheduler: str | None = None
    """The sampler's name: ddim, unipc, euler, ...; None: the base's own."""
    fit: Fit = "crop"
    """How an input of another shape is brought to the size: crop, pad or stretch."""

    def __post_init__(self) -> None:
        """UserError for values no base could work with."""
        if not (isinstance(self.prompt, str) and isinstance(self.negative, str)):
            raise UserError(f"the prompt must be text, not {type(self.prompt).__name__}")
        _set(self, "controls", tuple(self.controls))
        _set(self, "steps", _whole("steps", self.steps, 1, MAX_STEPS))
        if self.guidance is not None:
            _set(self, "guidance", _number("guidance", self.guidance))
            if self.guidance < 0:
                raise UserError(f"guidance must be 0 or more, not {self.guidance:g}")
        _set(self, "seeds", _seeds(self.seeds))
        if self.size is not None:
            _set(self, "size", _size(self.size))
        if self.scheduler is not None:
            _set(self, "scheduler", check_scheduler(self.scheduler))
        check_fit(self.fit)


def default_size(shape: tuple[int, int], native: int, multiple: int) -> tuple[int, int]:
    """A picture's (width, height) with the short side at `native` pixels, each side rounded to `multiple`."""
    scale = native / min(shape)
    width, height = (min(side * scale, native * MAX_ASPECT) for side in shape)
    return rounded((width, height), multiple)


def rounded(size: tuple[float, float], multiple: int) -> tuple[int, int]:
    """Each side to the nearest multiple, at least one."""
    width, height = (max(1, math.floor(side / multiple + 0.5)) * multiple for side in size)
    return width, height


def _set(record: object, name: str, value: object) -> None:
    """Normalises a field while the frozen record is made."""
    object.__setattr__(record, name, value)


def _number(what: str, value: object) -> float:
    """A finite number, from a number or a text."""
    try:
        number = math.nan if isinstance(value, bool) else float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        raise UserError(f"{what} must be a number, not {value!r}")
    return number


def _whole(what: str, value: object, low: int, high: int) -> int:
    if isinstance(value, numbers.Integral) and not isinstance(value, bool) and low <= int(value) <= high:
        return int(value)
    raise UserError(f"{what} must be a whole number from {low} to {high}, not {value!r}")


def _seeds(seeds: object) -> tuple[int, ...]:
    if not isinstance(seeds, list | tuple | range) or not seeds:
        raise UserError(f"seeds must be a list of at least one whole number, not {seeds!r}")
    return tuple(_whole("a seed", seed, 0, 2**63 - 1) for seed in seeds)


def _size(size: object) -> tuple[int, int]:
    if not isinstance(size, list | tuple) or len(size) != 2:
        raise UserError(f"size must be a width and a height, not {size!r}")
    return _whole("width", size[0], 1, MAX_SIDE), _whole("height", size[1], 1, MAX_SIDE)
