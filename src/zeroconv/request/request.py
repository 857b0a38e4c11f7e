"""What one asks for: the prompt, the controls and the settings of one run, checked when it is written down.

A request is plain data: the command line, run.json, the web page and Python all make the same one, and
`zeroconv.generate` turns it into pictures.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from PIL import Image

from zeroconv.checked import number, set_field, whole, yes_or_no
from zeroconv.errors import UserError
from zeroconv.images import Fit, check_fit
from zeroconv.request.control import ControlRequest
from zeroconv.request.lora import Lora
from zeroconv.request.prompt_mode import PromptMode, check_prompt_mode
from zeroconv.request.speed import Speed, check_speed
from zeroconv.schedulers import check_scheduler

MAX_STEPS = 1000
MAX_SIDE = 8192
"""Pixels; above this no base works, and the memory would end first."""
MAX_ASPECT = 4
"""Longest default shape, as long side over short side; no base has seen longer pictures."""


@dataclass(frozen=True)
class Request:
    """One run: everything that decides how its pictures look, but for the base."""

    prompt: str | tuple[str, ...]
    """What the pictures show, in words; empty leaves it to the controls. Several: one a picture."""
    controls: tuple[ControlRequest, ...] = ()
    """The conditions; several act together by addition."""
    negative: str | tuple[str, ...] = ""
    """What the pictures should not show; without effect at a guidance of 1. Several: one a picture."""
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
    image: str | Path | Image.Image | None = None
    """A picture to change (image-to-image), in place of beginning from noise."""
    mask: str | Path | Image.Image | None = None
    """White where the image is made anew, black where it is kept (inpainting); None: made anew everywhere."""
    paste: bool = True
    """Whether what the mask keeps is put back pixel by pixel; without, encoding and decoding change it a little."""
    feather: float = 4.0
    """Pixels within the mask over which the image fades into what is made anew, where it is put back."""
    denoise: float | None = None
    """How much of the image is made anew, above 0 to 1; None: 0.8, or 1 with a mask."""
    prompt_mode: PromptMode = "plain"
    """How prompts are read: plain cuts after 77 tokens, long reads all, weighted knows compel's syntax too."""
    loras: tuple[Lora, ...] = ()
    """What is merged into the base's weights."""
    speed: Speed = "exact"
    """What is left out to save time: nothing (exact), or more (balanced, fast), which changes the pictures a little."""

    def __post_init__(self) -> None:
        """UserError for values no base could work with."""
        set_field(self, "controls", tuple(self.controls))
        set_field(self, "steps", whole("steps", self.steps, 1, MAX_STEPS))
        if self.guidance is not None:
            set_field(self, "guidance", number("guidance", self.guidance))
            if self.guidance < 0:
                raise UserError(f"guidance must be 0 or more, not {self.guidance:g}")
        set_field(self, "seeds", _seeds(self.seeds))
        for name in ("prompt", "negative"):
            set_field(self, name, _prompts(name, getattr(self, name), len(self.seeds)))
        check_prompt_mode(self.prompt_mode)
        check_speed(self.speed)
        set_field(self, "loras", tuple(self.loras))
        for control in self.controls:
            control.strengths(len(self.seeds))
        if self.size is not None:
            set_field(self, "size", _size(self.size))
        if self.scheduler is not None:
            set_field(self, "scheduler", check_scheduler(self.scheduler))
        check_fit(self.fit)
        self._check_image()

    def _check_image(self) -> None:
        for name, picture in (("image", self.image), ("mask", self.mask)):
            if not isinstance(picture, str | Path | Image.Image | None) or picture == "":
                raise UserError(f"the {name} must be a picture, not {picture!r}")
        if self.image is None and (self.mask is not None or self.denoise is not None):
            raise UserError(f"{'denoise' if self.mask is None else 'a mask'} has no effect without an image")
        if self.denoise is not None:
            set_field(self, "denoise", number("denoise", self.denoise))
            if not 0 < self.denoise <= 1:
                raise UserError(f"denoise must be above 0 and at most 1, not {self.denoise:g}")
        self._check_paste()

    def _check_paste(self) -> None:
        yes_or_no("paste", self.paste)
        set_field(self, "feather", number("feather", self.feather))
        if self.feather < 0:
            raise UserError(f"feather must be 0 or more, not {self.feather:g}")
        if self.mask is None and (not self.paste or self.feather != Request.feather):
            raise UserError(f"{'feather' if self.paste else 'paste'} has no effect without a mask")

    def only(self, indices: Sequence[int]) -> "Request":
        """The request for these of its pictures."""
        prompt, negative = (
            text if isinstance(text, str) else tuple(text[index] for index in indices)
            for text in (self.prompt, self.negative)
        )
        seeds = tuple(self.seeds[index] for index in indices)
        controls = tuple(control.only(indices) for control in self.controls)
        return replace(self, prompt=prompt, negative=negative, seeds=seeds, controls=controls)

    def pictures(self) -> tuple[str | Path | Image.Image, ...]:
        """Every picture the run reads."""
        controls = [picture for control in self.controls for picture in (control.image, control.mask)]
        return tuple(picture for picture in (self.image, self.mask, *controls) if picture is not None)


def default_size(shape: tuple[int, int], native: int, multiple: int) -> tuple[int, int]:
    """A picture's (width, height) with the short side at `native` pixels, each side rounded to `multiple`."""
    scale = native / min(shape)
    width, height = (min(side * scale, native * MAX_ASPECT) for side in shape)
    return rounded((width, height), multiple)


def rounded(size: tuple[float, float], multiple: int) -> tuple[int, int]:
    """Each side to the nearest multiple, at least one."""
    width, height = (max(1, math.floor(side / multiple + 0.5)) * multiple for side in size)
    return width, height


def _prompts(name: str, prompts: object, count: int) -> str | tuple[str, ...]:
    """One text for all pictures, or one for each."""
    if isinstance(prompts, str):
        return prompts
    if not isinstance(prompts, list | tuple) or not all(isinstance(prompt, str) for prompt in prompts):
        raise UserError(f"the {name} must be text, not {type(prompts).__name__}")
    if len(prompts) != count:
        raise UserError(
            f"{len(prompts)} texts as {name} for {count} picture{'s' * (count > 1)}; give one for each seed"
        )
    return tuple(prompts)


def _seeds(seeds: object) -> tuple[int, ...]:
    if not isinstance(seeds, list | tuple | range) or not seeds:
        raise UserError(f"seeds must be a list of at least one whole number, not {seeds!r}")
    return tuple(whole("a seed", seed, 0, 2**63 - 1) for seed in seeds)


def _size(size: object) -> tuple[int, int]:
    if not isinstance(size, list | tuple) or len(size) != 2:
        raise UserError(f"size must be a width and a height, not {size!r}")
    return whole("width", size[0], 1, MAX_SIDE), whole("height", size[1], 1, MAX_SIDE)
