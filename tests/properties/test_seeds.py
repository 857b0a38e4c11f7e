"""Property 8: picture k of a batch of seeds is picture k alone."""

from typing import Any

import pytest
import torch
from diffusers import DDIMScheduler, DPMSolverMultistepScheduler, EulerAncestralDiscreteScheduler, LCMScheduler
from torch import Tensor

from networks import random_condition, random_text, small_base, small_controlnet
from zeroconv.control import Text
from zeroconv.sampling import ControlInput, guided_noise, sample

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
SEEDS = (11, 12, 13)
SCHEDULERS: dict[str, tuple[Any, dict[str, Any]]] = {
    "ddim": (DDIMScheduler, {"steps_offset": 1}),
    "euler ancestral": (EulerAncestralDiscreteScheduler, {}),
    "lcm": (LCMScheduler, {}),
    "sde-dpm++": (DPMSolverMultistepScheduler, {"algorithm_type": "sde-dpmsolver++"}),
}


def pictures(seeds: tuple[int, ...], scheduler: Any) -> Tensor:
    base = small_base("sd15")
    entry = ControlInput(small_controlnet(base.unet), random_condition(1))
    generators = [torch.Generator().manual_seed(seed) for seed in seeds]
    noise = torch.cat([torch.randn(1, 4, 8, 8, generator=generator) for generator in generators])
    text = random_text(base.unet, 2)
    predict = guided_noise(base, [entry], Text(text.tokens[:1]), Text(text.tokens[1:]), 5.0)
    *_, latents = sample(predict, scheduler, noise, 3, generators)
    return latents


@pytest.mark.parametrize("name", SCHEDULERS)
def test_a_picture_does_not_depend_on_its_batch(name: str) -> None:
    kind, options = SCHEDULERS[name]
    scheduler = kind(**options)
    together = pictures(SEEDS, scheduler)
    alone = torch.cat([pictures((seed,), scheduler) for seed in SEEDS])
    assert (together - alone).abs().max() / together.abs().max() < 1 / 255
    assert (together[0] - together[1]).abs().max() > 0.1
