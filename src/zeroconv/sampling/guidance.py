"""Guidance and control as one function that predicts noise, which the loop asks at every step.

Source: classifier-free guidance, Ho & Salimans, arXiv 2207.12598 eq. 6.
Shapes: B pictures; C latent channels; H, W latent height and width.
"""

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional as F

from zeroconv.adapter import Adapter
from zeroconv.control import Control, Text
from zeroconv.errors import UserError
from zeroconv.sampling.composition import ControlInput, Kept, Watch, combined_control, spread
from zeroconv.sampling.computed_once import ComputedOnce
from zeroconv.sampling.deep_features import DeepFeatures
from zeroconv.sampling.loop import PredictNoise
from zeroconv.sampling.savings import EXACT, Occasional, Savings
from zeroconv.sampling.timing import Moment

if TYPE_CHECKING:
    from zeroconv.base import BaseModel


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
    kept = Kept.for_a_sampling()
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
        both_latents = spread(latents, len(latents), len(texts))
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
