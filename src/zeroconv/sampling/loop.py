"""Sampling: guidance and control make a function that predicts noise; any diffusers scheduler steps with it.

Sources: classifier-free guidance, Ho & Salimans, arXiv 2207.12598 eq. 6; composition of controls, arXiv 2302.05543
section 3.4. The loop knows nothing of guidance or control; they live in the closure of `guided_noise`.
Shapes: B pictures; C latent channels; H, W latent height and width; F factor, pixels per latent; n residuals.
"""

import inspect
from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass
from functools import cache, partial, reduce
from operator import add
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.nn import functional as F

from zeroconv.adapter import Adapter
from zeroconv.control import Control, ControlNet, Text
from zeroconv.errors import UserError
from zeroconv.sampling.computed_once import ComputedOnce
from zeroconv.sampling.deep_features import DeepFeatures
from zeroconv.sampling.image_start import ImageStart, skipped_steps
from zeroconv.sampling.savings import EXACT, Occasional, Savings
from zeroconv.sampling.timing import Moment, Schedule, Window, factor, is_inside

if TYPE_CHECKING:
    from zeroconv.base import BaseModel

Generators = torch.Generator | Sequence[torch.Generator] | None


PredictNoise = Callable[[Tensor, Moment], Tensor]
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


def sample(
    predict_noise: PredictNoise,
    scheduler: Any,
    latents: Tensor,
    steps: int,
    generators: Generators = None,
    *,
    start: ImageStart | None = None,
) -> Iterator[Tensor]:
    """Latents (B, C, H, W) after each step, from noise of standard deviation 1 to the picture's latents.

    scheduler: any diffusers scheduler; a copy of it is used. generators: what schedulers that add noise draw from,
    one per picture (or one for all). start: a picture to begin from, at the noise level of the steps that are left.
    """
    scheduler, beginning = deepcopy(scheduler), latents
    scheduler.set_timesteps(steps, device=latents.device)
    moments = _moments(scheduler, 0 if start is None else skipped_steps(steps, start.denoise))
    takes_generator = "generator" in inspect.signature(scheduler.step).parameters
    options = {"generator": _as_list(generators, len(latents))} if takes_generator else {}
    if start is None:
        latents = latents * scheduler.init_noise_sigma
    else:
        latents = start.noised(scheduler, beginning, moments[0].timestep)
    following = [moment.timestep for moment in moments[1:]]
    for moment, next_timestep in zip(moments, [*following, None], strict=True):
        with torch.no_grad():
            noise = predict_noise(scheduler.scale_model_input(latents, moment.timestep), moment)
            latents = scheduler.step(noise, moment.timestep, latents, return_dict=False, **options)[0]
        if start is not None:
            latents = start.blended(scheduler, latents, beginning, next_timestep)
        yield latents


def _moments(scheduler: Any, skipped: int) -> list[Moment]:
    """The moments of the steps but for those skipped, counted anew."""
    first = skipped * scheduler.order
    if hasattr(scheduler, "set_begin_index") and first:
        scheduler.set_begin_index(first)
    timesteps = list(scheduler.timesteps[first:])
    sigmas = getattr(scheduler, "sigmas", None)
    levels = [None] * len(timesteps) if sigmas is None else torch.as_tensor(sigmas).tolist()[first:]
    last = scheduler.config.num_train_timesteps - 1
    noise = [time / last for time in torch.as_tensor(scheduler.timesteps[first:]).tolist()]
    return [Moment(t, step, len(timesteps), levels[step], noise[step]) for step, t in enumerate(timesteps)]


def _as_list(generators: Generators, num_pictures: int) -> torch.Generator | list[torch.Generator] | None:
    if generators is None or isinstance(generators, torch.Generator):
        return generators
    if len(generators) != num_pictures:
        raise UserError(f"one generator per picture: expected {num_pictures}, got {len(generators)}")
    return list(generators)


def guided_noise(
    base: "BaseModel",
    inputs: Sequence[ControlInput],
    text: Text,
    negative: Text | None = None,
    guidance: float = 7.5,
    *,
    channels: Tensor | None = None,
    watch: Watch | None = None,
    savings: Savings = EXACT,
) -> PredictNoise:
    """The base's prediction under control, eps_u + guidance * (eps_c - eps_u), as a function of latents and moment.

    text, negative: B prompts each, or one for all. Guidance 1 makes no unconditional prediction and needs no negative.
    Each condition image is encoded once, when its ControlNet first runs. channels: (B, 1 + C, H, W), what an inpainting
    U-Net reads behind the latents; a ControlNet reads as many of all channels as it was made for. A U-Net that was
    distilled to embed the guidance (LCM) is told it, and makes no unconditional prediction. savings: what may be left
    out; with any, a function is for one sampling.
    """
    embedded = _guidance_embedding(guidance, base.unet.config.get("time_cond_proj_dim"))
    if guidance != 1 and negative is None and embedded is None:
        raise UserError(f"guidance {guidance} needs the negative prompts' text; only guidance 1 does without")
    unconditional = None if guidance == 1 or embedded is not None else negative
    options = {} if embedded is None else {"guidance_embedding": embedded}
    kept = Kept(cache(_encode), cache(_both), cache(ComputedOnce))
    # what an adapter adds to one half alone may come before the text does
    differs = any(isinstance(entry.controlnet, Adapter) and entry.conditional_only for entry in inputs)
    unet_once, deep = ComputedOnce(base.unet), DeepFeatures(base.unet, savings.deep_every)
    controls: Occasional[Control | None] = Occasional(savings.control_every)

    def predict(latents: Tensor, moment: Moment) -> Tensor:
        latents = latents if channels is None else torch.cat([latents, channels], dim=1)
        against = unconditional if savings.is_guided(moment) else None
        circumstances = (against is None, *(entry.is_active(moment) for entry in inputs))
        compute = partial(combined_control, inputs, latents, moment, text, against, kept=kept, watch=watch)
        control = controls(compute, moment, circumstances)
        texts = kept.both(text, against, len(latents))
        both_latents = _spread(latents, len(latents), len(texts))
        is_doubled = against is not None and not differs
        with unet_once.predicting(is_doubled=is_doubled), deep.predicting(moment, circumstances):
            noise = base.predict_noise(both_latents, moment.timestep, texts, control, **options)
        if against is None:
            return noise
        noise_unconditional, noise_conditional = noise.chunk(2)
        return noise_unconditional + guidance * (noise_conditional - noise_unconditional)

    return predict


def _guidance_embedding(guidance: float, width: int | None) -> Tensor | None:
    """The guidance as LCM's U-Nets read it (arXiv 2310.04378, section 4.2), (1, width): sines and cosines of
    1000 (guidance - 1); None where the U-Net reads none."""
    if width is None:
        return None
    half = width // 2
    frequencies = torch.exp(torch.arange(half) * -(torch.log(torch.tensor(10000.0)) / (half - 1)))
    angles = torch.tensor([guidance - 1]) * 1000.0 * frequencies
    return F.pad(torch.cat([angles.sin(), angles.cos()])[None], (0, width % 2))


def _encode(entry: ControlInput, num_pictures: int, num_predictions: int) -> Any:
    """The condition's encoding, one row for all predictions or one for each: (1 or num_predictions, c, H, W); of an
    adapter its features, as many rows as there are images."""
    image = entry.image.to(next(entry.controlnet.parameters()))
    if isinstance(entry.controlnet, Adapter):
        return entry.controlnet.encode_condition(image)
    encoded = entry.controlnet.encode_condition(image)
    return encoded if len(encoded) == 1 else _spread(encoded, num_pictures, num_predictions)


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
    control = control.scaled(_spread(factors, *sizes) if isinstance(factors, Tensor) else factors)
    if entry.mask is not None:
        control = control.masked(_spread(entry.mask, *sizes))
    if is_padded:
        control = control.with_parts(torch.cat([torch.zeros_like(part), part]) for part in control.parts)
    return control


def _added(entry: ControlInput, latents: Tensor, moment: Moment, texts: Text, kept: "Kept") -> Control:
    """What the input's network adds for each of the texts, at full strength everywhere."""
    network, sizes = entry.controlnet, (len(latents), len(texts))
    encoded = kept.encode(entry, *sizes)
    if isinstance(network, Adapter):
        control: Control = network(_spread(latents, *sizes), encoded)
        return control
    latents = latents[:, : network.conv_in.in_channels]
    with kept.once(network).predicting(is_doubled=len(texts) > len(latents)):
        control = network(_spread(latents, *sizes), moment.timestep, texts, encoded=encoded)
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


@dataclass(frozen=True)
class Kept:
    """What the predictions of one sampling share; as it stands each computes it anew."""

    encode: Callable[[ControlInput, int, int], Any] = _encode
    both: Callable[[Text, Text | None, int], Text] = _both
    once: Callable[[ControlNet], ComputedOnce] = ComputedOnce
