"""Many pictures, one for each prompt, drawn in batches: the same sampler as `zeroconv generate`, one noise a picture.

Picture k starts from the noise of its own generator, seeded with seed + k, whatever the prompt, the condition and the
batch: the settings that are compared differ in nothing else.

B pictures of a batch; C latent channels; h w latent height and width; H W pixels (= factor * h, factor * w).
"""

import copy
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from zeroconv.base import BaseModel
from zeroconv.control import ControlNet
from zeroconv.evaluation.held_out import Picture, Progress, groups, silent, to_pictures
from zeroconv.evaluation.sampler import Sampler
from zeroconv.sampling import ControlInput, guided_noise, sample


def draw(
    base: BaseModel,
    prompts: Sequence[str],
    sampler: Sampler,
    *,
    controlnet: ControlNet | None = None,
    conditions: Sequence[Picture] = (),
    what: str = "draw",
    progress: Progress = silent,
) -> tuple[Picture, ...]:
    """One picture at the base's native size for each prompt, with its condition (H, W, 3) if a ControlNet is given."""
    drawn: list[Picture] = []
    for numbers in progress(groups(range(len(prompts)), sampler.batch), what):
        inputs = []
        if controlnet is not None:
            image = _condition_batch([conditions[k] for k in numbers], base)
            inputs = [ControlInput(controlnet, image, strength=sampler.strength)]
        drawn += _draw_batch(base, [prompts[k] for k in numbers], numbers, sampler, inputs)
    return tuple(drawn)


@torch.no_grad()
def _draw_batch(
    base: BaseModel, prompts: Sequence[str], numbers: Sequence[int], sampler: Sampler, inputs: Sequence[ControlInput]
) -> list[Picture]:
    text, negative = base.encode_text(prompts), base.encode_negative([""] * len(prompts))
    predict_noise = guided_noise(base, inputs, text, negative, sampler.guidance)
    latents = _noise(base, [sampler.seed + k for k in numbers])
    *_, latents = sample(predict_noise, copy.deepcopy(base.scheduler), latents, sampler.steps)
    return to_pictures(base.decode(latents))


def _noise(base: BaseModel, seeds: Sequence[int]) -> Tensor:
    """(B, C, h, w), each picture's drawn on the CPU as diffusers draws it from a list of generators."""
    side = base.native_size // base.factor
    shape = (1, base.latent_channels, side, side)
    noise = [torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=base.dtype) for seed in seeds]
    return torch.cat(noise).to(base.device)


def _condition_batch(conditions: Sequence[Picture], base: BaseModel) -> Tensor:
    """B conditions (H, W, 3) uint8 -> (B, 3, H, W) in [0, 1]."""
    return torch.from_numpy(np.stack(conditions)).permute(0, 3, 1, 2).to(base.device, base.dtype) / 255
