"""Prompt, condition and seed give, to rounding, the same latents as diffusers' T2I-Adapter pipelines."""

from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import (
    DDIMScheduler,
    EulerDiscreteScheduler,
    MultiAdapter,
    StableDiffusionAdapterPipeline,
    StableDiffusionXLAdapterPipeline,
    UniPCMultistepScheduler,
)
from latents import NEGATIVE, PROMPT, SEED, STEPS, assert_same, our_latents, scheduler_of
from torch import Tensor

from adapters import random_adapter, random_network
from networks import random_condition, small_controlnet
from zeroconv.base import BaseModel, load_base
from zeroconv.sampling import ControlInput, sample

# Under numpy 2 diffusers' Euler schedulers make an array of a tensor in the old way.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


@pytest.fixture(scope="module")
def base(sd15_folder: Path) -> BaseModel:
    return load_base(sd15_folder)


@pytest.fixture(scope="module")
def sdxl(sdxl_folder: Path) -> BaseModel:
    return load_base(sdxl_folder)


def pipeline(base: BaseModel, adapter: Any, scheduler: Any) -> Any:
    parts = {"vae": base.vae, "unet": base.unet, "scheduler": scheduler, "adapter": adapter}
    parts |= {"text_encoder": base.text_encoders[0], "tokenizer": base.tokenizers[0]}
    if base.takes_sizes:
        parts |= {"text_encoder_2": base.text_encoders[1], "tokenizer_2": base.tokenizers[1]}
        pipe = StableDiffusionXLAdapterPipeline(**parts)
    else:
        plain = {"safety_checker": None, "feature_extractor": None, "requires_safety_checker": False}
        pipe = StableDiffusionAdapterPipeline(**parts, **plain)
    pipe.set_progress_bar_config(disable=True)
    return pipe


def their_latents(pipe: Any, image: Any, **options: Any) -> Tensor:
    settings = {"num_inference_steps": STEPS, "guidance_scale": 7.5, "height": 64, "width": 64}
    generator = [torch.Generator().manual_seed(SEED)]
    latents = pipe(
        PROMPT,
        image=image,
        negative_prompt=NEGATIVE,
        generator=generator,
        output_type="latent",
        **settings,
        **options,
    ).images
    assert isinstance(latents, Tensor)
    return latents


def differs(one: Tensor, other: Tensor) -> bool:
    return bool((one - other).abs().max() > 1e-3)


@pytest.mark.parametrize("scheduler", [DDIMScheduler, UniPCMultistepScheduler, EulerDiscreteScheduler])
@pytest.mark.parametrize(("kind", "channels"), [("full_adapter", 3), ("full_adapter", 1), ("light_adapter", 3)])
def test_schedulers_and_kinds(base: BaseModel, scheduler: Any, kind: str, channels: int) -> None:
    image, network = random_condition(1, channels=channels), random_network(kind, channels)
    expected = their_latents(
        pipeline(base, network, scheduler_of(base, scheduler)), image, adapter_conditioning_scale=0.8
    )
    entry = ControlInput(random_adapter(kind, channels), image, 0.8)
    latents = our_latents(base, [entry], scheduler_of(base, scheduler))
    assert_same(latents, expected)
    assert differs(latents, our_latents(base, [], scheduler_of(base, scheduler)))


def test_several_adapters(base: BaseModel) -> None:
    images, strengths = [random_condition(1, seed) for seed in (6, 7)], [0.7, 1.2]
    pipe = pipeline(base, MultiAdapter([random_network(seed=seed) for seed in (1, 2)]), scheduler_of(base))
    expected = their_latents(pipe, images, adapter_conditioning_scale=strengths)
    adapters = [random_adapter(seed=seed) for seed in (1, 2)]
    inputs = [ControlInput(*each) for each in zip(adapters, images, strengths, strict=True)]
    assert_same(our_latents(base, inputs, scheduler_of(base)), expected)


@pytest.mark.parametrize("scheduler", [DDIMScheduler, EulerDiscreteScheduler])
@pytest.mark.parametrize(("strength", "end"), [(1.0, 1.0), (0.6, 0.5), (1.0, 0.6)])
def test_sdxl(sdxl: BaseModel, scheduler: Any, strength: float, end: float) -> None:
    image, network = random_condition(1), random_network("full_adapter_xl")
    pipe = pipeline(sdxl, network, scheduler_of(sdxl, scheduler))
    expected = their_latents(pipe, image, adapter_conditioning_scale=strength, adapter_conditioning_factor=end)
    entry = ControlInput(random_adapter("full_adapter_xl"), image, strength, end=end)
    latents = our_latents(sdxl, [entry], scheduler_of(sdxl, scheduler))
    assert_same(latents, expected)
    assert differs(latents, our_latents(sdxl, [], scheduler_of(sdxl, scheduler)))


def test_beside_a_controlnet_both_act_where_they_should(base: BaseModel) -> None:
    """What diffusers' U-Net makes of both kinds of residuals."""
    net, image, other = small_controlnet(base.unet), random_condition(1), random_condition(1, seed=9)
    inputs = [ControlInput(random_adapter(), image, 0.8), ControlInput(net, other, 0.5, end=0.5)]
    both = our_latents(base, inputs, scheduler_of(base))
    for alone in inputs:
        assert differs(both, our_latents(base, [alone], scheduler_of(base)))

    def predict(latents: Tensor, moment: Any) -> Tensor:
        pair = torch.cat([latents] * 2)
        added: dict[str, Any] = {}
        if moment.step < 2:
            control = net(pair, moment.timestep, texts, other.repeat(2, 1, 1, 1)).scaled(0.5)
            added = {"down_block_additional_residuals": control.skips, "mid_block_additional_residual": control.middle}
        features = [torch.cat([feature * 0.8] * 2) for feature in random_network()(image)]
        options = {"down_intrablock_additional_residuals": features, "return_dict": False, **added}
        unconditional, conditional = base.unet(pair, moment.timestep, texts.tokens, **options)[0].chunk(2)
        return unconditional + 7.5 * (conditional - unconditional)

    texts = base.encode_text([NEGATIVE, PROMPT])
    generator = torch.Generator().manual_seed(SEED)
    noise = torch.randn(1, 4, 8, 8, generator=generator)
    *_, expected = sample(predict, scheduler_of(base), noise, STEPS, [generator])
    assert_same(both, expected)
