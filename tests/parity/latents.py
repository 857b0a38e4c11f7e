"""The same prompt, seed and steps for our sampling and for diffusers' pipelines."""

from collections.abc import Sequence
from typing import Any

import torch
from diffusers import DDIMScheduler
from torch import Tensor

from zeroconv.base import BaseModel
from zeroconv.sampling import ControlInput, guided_noise, sample

PROMPT, NEGATIVE, STEPS, SEED = "a red house", "blue", 4, 5


def scheduler_of(base: BaseModel, kind: Any = DDIMScheduler) -> Any:
    return kind.from_config({key: base.scheduler.config[key] for key in ("beta_start", "beta_end", "beta_schedule")})


def our_latents(base: BaseModel, inputs: Sequence[ControlInput], scheduler: Any, guidance: float = 7.5) -> Tensor:
    generator = torch.Generator().manual_seed(SEED)
    noise = torch.randn(1, 4, 8, 8, generator=generator)
    text, negative = base.encode_text([PROMPT], (64, 64)), base.encode_negative([NEGATIVE], (64, 64))
    predict = guided_noise(base, inputs, text, negative, guidance)
    *_, latents = sample(predict, scheduler, noise, STEPS, [generator])
    return latents


def assert_same(mine: Tensor, other: Tensor) -> None:
    """To rounding, as it grows over the steps."""
    assert (mine - other).abs().max() <= 1e-4 * other.abs().max()
