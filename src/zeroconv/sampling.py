"""Sampling: guidance and control make a function that predicts noise; any diffusers scheduler steps with it.

Sources: classifier-free guidance, Ho & Salimans, arXiv 2207.12598 eq. 6; composition of controls, arXiv 2302.05543
section 3.4. The loop knows nothing of guidance or control; they live in the closure of `guided_noise`.
Shapes: B pictures; C latent channels; H, W latent height and width; F factor, pixels per latent; n residuals.
"""

import inspect
from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass
from functools import cache, reduce
from operator import add
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from zeroconv.control import Control, ControlNet, Text
from zeroconv.errors import UserError

if TYPE_CHECKING:
    from zeroconv.base import BaseModel

Generators = torch.Generator | Sequence[torch.Generator] | None


@dataclass(frozen=True)
class Moment:
    """Where in the sampling a prediction is asked for."""

    timestep: Tensor
    """() the noise level as the scheduler counts it."""
    step: int
    """This step's number, from 0."""
    steps: int
    """How many steps there are; with second-order schedulers more than were asked for."""
    sigma: float | None = None
    """The noise level as standard deviation over signal, where the scheduler works with it."""


PredictNoise = Callable[[Tensor, Moment], Tensor]


@dataclass(frozen=True, eq=False)
class ControlInput:
    """One ControlNet with its condition image, and when, where and how strongly it acts."""

    controlnet: ControlNet
    image: Tensor
    """(B or 1, C, F*H, F*W) the condition in [0, 1]; one image serves all pictures of the batch."""
    strength: float | Tensor = 1.0
    """What the residuals are multiplied by; a tensor (B,) gives every picture its own."""
    start: float = 0.0
    """Share of the steps after which control begins, in [0, 1]."""
    end: float = 1.0
    """Share of the steps after which control ends, in [0, 1]."""
    weights: Sequence[float] | Tensor | None = None
    """One weight per residual, skips from shallow to deep, then the middle: n numbers, or a tensor (B, n)."""
    mask: Tensor | None = None
    """(B or 1, 1, any height, any width) where in the picture control acts: 1 yes, 0 no."""
    conditional_only: bool = False
    """Control only the conditional half of the guidance; the unconditional one is predicted without it."""

    def is_active(self, moment: Moment) -> bool:
        """Whether the ControlNet has to run: not at strength 0 nor outside its window (diffusers' rule)."""
        has_strength = bool(torch.any(torch.as_tensor(self.strength) != 0))
        is_early, is_late = moment.step / moment.steps < self.start, (moment.step + 1) / moment.steps > self.end
        return has_strength and not (is_early or is_late)


def sample(
    predict_noise: PredictNoise, scheduler: Any, latents: Tensor, steps: int, generators: Generators = None
) -> Iterator[Tensor]:
    """Latents (B, C, H, W) after each step, from noise of standard deviation 1 to the picture's latents.

    scheduler: any diffusers scheduler; a copy of it is used. generators: what schedulers that add noise draw from,
    one per picture (or one for all).
    """
    scheduler = deepcopy(scheduler)
    scheduler.set_timesteps(steps, device=latents.device)
    moments = _moments(scheduler)
    takes_generator = "generator" in inspect.signature(scheduler.step).parameters
    options = {"generator": _as_list(generators, len(latents))} if takes_generator else {}
    latents = latents * scheduler.init_noise_sigma
    for moment in moments:
        with torch.no_grad():
            noise = predict_noise(scheduler.scale_model_input(latents, moment.timestep), moment)
            latents = scheduler.step(noise, moment.timestep, latents, return_dict=False, **options)[0]
        yield latents


def _moments(scheduler: Any) -> list[Moment]:
    timesteps = list(scheduler.timesteps)
    sigmas = getattr(scheduler, "sigmas", None)
    levels = [None] * len(timesteps) if sigmas is None else torch.as_tensor(sigmas).tolist()
    return [Moment(t, step, len(timesteps), levels[step]) for step, t in enumerate(timesteps)]


def _as_list(generators: Generators, num_pictures: int) -> torch.Generator | list[torch.Generator] | None:
    if generators is None or isinstance(generators, torch.Generator):
        return generators
    if len(generators) != num_pictures:
        raise UserError(f"one generator per picture: expected {num_pictures}, got {len(generators)}")
    return list(generators)


def guided_noise(
    base: "BaseModel", inputs: Sequence[ControlInput], text: Text, negative: Text | None = None, guidance: float = 7.5
) -> PredictNoise:
    """The base's prediction under control, eps_u + guidance * (eps_c - eps_u), as a function of latents and moment.

    text, negative: B prompts each, or one for all. Guidance 1 makes no unconditional prediction and needs no negative.
    Each condition image is encoded once, when its ControlNet first runs.
    """
    if guidance != 1 and negative is None:
        raise UserError(f"guidance {guidance} needs the negative prompts' text; only guidance 1 does without")
    unconditional = None if guidance == 1 else negative
    encode = cache(_encode)

    def predict(latents: Tensor, moment: Moment) -> Tensor:
        control = combined_control(inputs, latents, moment, text, unconditional, encode=encode)
        texts = _both(text, unconditional, len(latents))
        both_latents = _spread(latents, len(latents), len(texts))
        noise = base.predict_noise(both_latents, moment.timestep, texts, control)
        if unconditional is None:
            return noise
        noise_unconditional, noise_conditional = noise.chunk(2)
        return noise_unconditional + guidance * (noise_conditional - noise_unconditional)

    return predict


def _encode(entry: ControlInput, num_pictures: int, num_predictions: int) -> Tensor:
    """The condition's encoding for every prediction, (num_predictions, c, H, W).

    All rows are encoded, though they repeat: one row alone differs in the last bit from the same row in a batch, and
    pictures should equal diffusers'.
    """
    image = entry.image.to(entry.controlnet.conv_in.weight)
    return entry.controlnet.encode_condition(_spread(image, num_pictures, num_predictions))


def combined_control(
    inputs: Sequence[ControlInput],
    latents: Tensor,
    moment: Moment,
    text: Text,
    negative: Text | None = None,
    *,
    encode: Callable[[ControlInput, int, int], Tensor] = _encode,
) -> Control | None:
    """The sum of the active inputs' controls for latents (B, C, H, W), or None where none is active.

    With a negative it is for 2B predictions: the unconditional half first, then the conditional one.
    encode: `_encode` or a cache of it, for callers that take many steps with the same inputs.
    """
    controls = [_control(entry, latents, moment, text, negative, encode) for entry in inputs if entry.is_active(moment)]
    return reduce(add, controls) if controls else None


def _control(
    entry: ControlInput,
    latents: Tensor,
    moment: Moment,
    text: Text,
    negative: Text | None,
    encode: Callable[[ControlInput, int, int], Tensor],
) -> Control:
    """One input's control, weighted and masked; zeros on the unconditional half where it is conditional only."""
    is_padded = negative is not None and entry.conditional_only
    texts = _both(text, None if is_padded else negative, len(latents))
    sizes = (len(latents), len(texts))
    encoded = encode(entry, *sizes)
    control: Control = entry.controlnet(_spread(latents, *sizes), moment.timestep, texts, encoded=encoded)
    for weights in (entry.weights, entry.strength):
        if weights is not None:
            control = control.scaled(_spread(weights, *sizes) if isinstance(weights, Tensor) else weights)
    if entry.mask is not None:
        control = control.masked(_spread(entry.mask, *sizes))
    if is_padded:
        control = Control(tuple(torch.cat([torch.zeros_like(r), r]) for r in control.residuals))
    return control


def _spread(values: Tensor, num_pictures: int, num_predictions: int) -> Tensor:
    """Rows of pictures (one for all, or one each) -> rows of predictions: as they are, or twice under guidance."""
    if values.ndim == 0:
        return values
    if len(values) not in (1, num_pictures):
        raise UserError(f"expected one row for all pictures or one for each of {num_pictures}, got {len(values)}")
    rows = values.expand(num_pictures, *values.shape[1:])
    return torch.cat([rows] * (num_predictions // num_pictures))


def _both(text: Text, negative: Text | None, num_pictures: int) -> Text:
    """The prompts of every prediction: the negative ones first, as diffusers orders them."""
    texts = [text] if negative is None else [negative, text]
    return Text.cat([entry.repeat(num_pictures) if len(entry) == 1 else entry for entry in texts])
