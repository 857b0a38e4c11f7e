"""Several controls composed into one: each with its time, strength, weights and place, and added up.

Source: arXiv 2302.05543 section 3.4.
Shapes: B pictures; C latent channels; H, W latent height and width; F factor, pixels per latent; n residuals.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, reduce
from operator import add
from typing import Any

import torch
from torch import Tensor

from zeroconv.adapter import Adapter
from zeroconv.control import Control, ControlNet, Text
from zeroconv.errors import UserError
from zeroconv.sampling.computed_once import ComputedOnce
from zeroconv.sampling.timing import Moment, Schedule, Window, factor, is_inside

Watch = Callable[[int, Control, Moment], None]
"""Sees the control of each active input, by its index, as it is added at this moment."""


@dataclass(frozen=True, eq=False)
class ControlInput:
    """One ControlNet or T2I-Adapter with its condition image, and when, where and how strongly it acts."""

    controlnet: ControlNet | Adapter
    image: Tensor
    """(B or 1, C, F*H, F*W) the condition in [0, 1]; one image serves all pictures of the batch."""
    strength: float | Tensor = 1.0
    """What the residuals are multiplied by; a tensor (B,) gives every picture its own."""
    start: float = 0.0
    """Share of the sampling after which control begins, in [0, 1]."""
    end: float = 1.0
    """Share of the sampling after which control ends, in [0, 1]."""
    window: Window = "steps"
    """What start and end are shares of: steps, as diffusers counts, or noise, as ComfyUI does."""
    schedule: Schedule = "constant"
    """How the strength runs over the window: constant, linear or cosine down to 0, or numbers joined by lines."""
    weights: Sequence[float] | Tensor | None = None
    """One weight per residual, skips from shallow to deep, then the middle: n numbers, or a tensor (B, n)."""
    mask: Tensor | None = None
    """(B or 1, 1, any height, any width) where in the picture control acts: 1 yes, 0 no."""
    conditional_only: bool = False
    """Control only the conditional half of the guidance; the unconditional one is predicted without it."""

    def strength_at(self, moment: Moment) -> float | Tensor:
        """The strength with its schedule; the number 0 where the ControlNet has not to run."""
        if not is_inside(moment, self.window, self.start, self.end):
            return 0.0
        share = factor(self.schedule, moment, self.window, self.start, self.end)
        strength = self.strength if share == 1 else self.strength * share
        return strength if bool(torch.any(torch.as_tensor(strength) != 0)) else 0.0

    def is_active(self, moment: Moment) -> bool:
        """Whether the ControlNet has to run: not at strength 0 nor outside its window."""
        strength = self.strength_at(moment)
        return isinstance(strength, Tensor) or strength != 0


def combined_control(
    inputs: Sequence[ControlInput],
    latents: Tensor,
    moment: Moment,
    text: Text,
    negative: Text | None = None,
    *,
    kept: "Kept | None" = None,
    watch: Watch | None = None,
) -> Control | None:
    """The sum of the active inputs' controls for latents (B, C, H, W), or None where none is active.

    With a negative it is for 2B predictions: the unconditional half first, then the conditional one.
    kept: for callers that take many steps with the same inputs, what those share.
    """
    kept, controls = kept or Kept(), []
    for index, entry in enumerate(inputs):
        if entry.is_active(moment):
            controls.append(_control(entry, latents, moment, text, negative, kept))
            if watch is not None:
                watch(index, controls[-1], moment)
    return reduce(add, controls) if controls else None


def _control(
    entry: ControlInput,
    latents: Tensor,
    moment: Moment,
    text: Text,
    negative: Text | None,
    kept: "Kept",
) -> Control:
    """One input's control, weighted and masked; zeros on the unconditional half where it is conditional only."""
    is_padded = negative is not None and entry.conditional_only
    texts = kept.both(text, None if is_padded else negative, len(latents))
    sizes = (len(latents), len(texts))
    control = _added(entry, latents, moment, texts, kept)
    factors = _factors(entry.strength_at(moment), entry.weights)
    control = control.scaled(spread(factors, *sizes) if isinstance(factors, Tensor) else factors)
    if entry.mask is not None:
        control = control.masked(spread(entry.mask, *sizes))
    if is_padded:
        control = control.with_parts(torch.cat([torch.zeros_like(part), part]) for part in control.parts)
    return control


def _added(entry: ControlInput, latents: Tensor, moment: Moment, texts: Text, kept: "Kept") -> Control:
    """What the input's network adds for each of the texts, at full strength everywhere."""
    network, sizes = entry.controlnet, (len(latents), len(texts))
    encoded = kept.encode(entry, *sizes)
    if isinstance(network, Adapter):
        control: Control = network(spread(latents, *sizes), encoded)
        return control
    latents = latents[:, : network.conv_in.in_channels]
    with kept.once(network).predicting(is_doubled=len(texts) > len(latents)):
        control = network(spread(latents, *sizes), moment.timestep, texts, encoded=encoded)
    return control


def _factors(strength: float | Tensor, weights: Sequence[float] | Tensor | None) -> float | Sequence[float] | Tensor:
    """Strength times weights, so that each residual is multiplied once: a number, n of them, (B,) or (B, n).

    Products of plain numbers are made in float32, as diffusers makes them.
    """
    if weights is None:
        return strength
    if not isinstance(strength, Tensor) and not isinstance(weights, Tensor):
        products: list[float] = (torch.tensor(weights) * strength).tolist()
        return products
    weights = torch.as_tensor(weights)
    strength = torch.as_tensor(strength).to(weights)
    return strength[..., None] * (weights if weights.ndim == 2 else weights[None])


def _encode(entry: ControlInput, num_pictures: int, num_predictions: int) -> Any:
    """The condition's encoding, one row for all predictions or one for each: (1 or num_predictions, c, H, W); of an
    adapter its features, as many rows as there are images."""
    image = entry.image.to(next(entry.controlnet.parameters()))
    if isinstance(entry.controlnet, Adapter):
        return entry.controlnet.encode_condition(image)
    encoded = entry.controlnet.encode_condition(image)
    return encoded if len(encoded) == 1 else spread(encoded, num_pictures, num_predictions)


def spread(values: Tensor, num_pictures: int, num_predictions: int) -> Tensor:
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


@dataclass(frozen=True)
class Kept:
    """What the predictions of one sampling share; as it stands each computes it anew."""

    encode: Callable[[ControlInput, int, int], Any] = _encode
    both: Callable[[Text, Text | None, int], Text] = _both
    once: Callable[[ControlNet], ComputedOnce] = ComputedOnce

    @staticmethod
    def for_a_sampling() -> "Kept":
        """What the same inputs and texts share is computed at its first use and kept."""
        return Kept(cache(_encode), cache(_both), cache(ComputedOnce))
