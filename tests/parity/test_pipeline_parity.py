"""Prompt, condition and seed give the same latents as diffusers' ControlNet pipelines.

Without guidance bit by bit; with it to rounding, as one row alone and the same row in a batch differ in the last bit.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import (
    ControlNetModel,
    DDIMScheduler,
    DPMSolverMultistepScheduler,
    EulerAncestralDiscreteScheduler,
    EulerDiscreteScheduler,
    HeunDiscreteScheduler,
    LCMScheduler,
    StableDiffusionControlNetPipeline,
    StableDiffusionXLControlNetPipeline,
    UniPCMultistepScheduler,
)
from latents import NEGATIVE, PROMPT, SEED, STEPS, assert_same, our_latents, scheduler_of
from torch import Tensor

from networks import as_theirs, random_condition, small_controlnet
from tinybases import random_unet
from zeroconv.base import BaseModel, load_base
from zeroconv.control import ControlNet
from zeroconv.sampling import ControlInput
from zeroconv.sampling.layer_weights import GUESS_MODE, layer_weights

SCHEDULERS = [
    DDIMScheduler,
    UniPCMultistepScheduler,
    EulerDiscreteScheduler,
    DPMSolverMultistepScheduler,
    HeunDiscreteScheduler,
    EulerAncestralDiscreteScheduler,
]
# Under numpy 2 diffusers' Euler schedulers make an array of a tensor in the old way.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


@pytest.fixture(scope="module")
def base(sd15_folder: Path) -> BaseModel:
    return load_base(sd15_folder)


@pytest.fixture(scope="module")
def nets(base: BaseModel) -> list[ControlNet]:
    return [small_controlnet(base.unet, seed) for seed in (1, 2)]


@pytest.fixture(scope="module")
def theirs(base: BaseModel, nets: list[ControlNet]) -> list[ControlNetModel]:
    return [as_theirs(net, base.unet) for net in nets]


def pipeline(base: BaseModel, controlnet: Any, scheduler: Any) -> StableDiffusionControlNetPipeline:
    pipe = StableDiffusionControlNetPipeline(
        vae=base.vae,
        text_encoder=base.text_encoders[0],
        tokenizer=base.tokenizers[0],
        unet=base.unet,
        controlnet=controlnet,
        scheduler=scheduler,
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    pipe.set_progress_bar_config(disable=True)
    return pipe


def their_latents(pipe: Any, image: Any, guidance: float = 7.5, **options: Any) -> Tensor:
    images = pipe(
        PROMPT,
        image=image,
        negative_prompt=NEGATIVE,
        num_inference_steps=STEPS,
        guidance_scale=guidance,
        generator=[torch.Generator().manual_seed(SEED)],
        output_type="latent",
        **options,
    ).images
    assert isinstance(images, Tensor)
    return images


@pytest.mark.parametrize("kind", SCHEDULERS)
def test_schedulers(base: BaseModel, nets: list[ControlNet], theirs: list[ControlNetModel], kind: Any) -> None:
    image = random_condition(1)
    expected = their_latents(pipeline(base, theirs[0], scheduler_of(base, kind)), image)
    latents = our_latents(base, [ControlInput(nets[0], image)], scheduler_of(base, kind))
    assert_same(latents, expected)
    alone = our_latents(base, [], scheduler_of(base, kind))
    assert (latents - alone).abs().max() > 1e-3, "control that does nothing cannot show a difference"


def test_strength(base: BaseModel, nets: list[ControlNet], theirs: list[ControlNetModel]) -> None:
    image, pipe = random_condition(1), pipeline(base, theirs[0], scheduler_of(base))
    expected = their_latents(pipe, image, controlnet_conditioning_scale=0.6)
    assert_same(our_latents(base, [ControlInput(nets[0], image, 0.6)], scheduler_of(base)), expected)


def test_two_controls(base: BaseModel, nets: list[ControlNet], theirs: list[ControlNetModel]) -> None:
    images, strengths = [random_condition(1, seed) for seed in (6, 7)], [0.7, 1.2]
    pipe = pipeline(base, theirs, scheduler_of(base))
    expected = their_latents(pipe, images, controlnet_conditioning_scale=strengths)
    inputs = [ControlInput(*each) for each in zip(nets, images, strengths, strict=True)]
    assert_same(our_latents(base, inputs, scheduler_of(base)), expected)


@pytest.mark.parametrize("window", [(0.3, 1.0), (0.25, 0.75), (0.4, 0.5)])
def test_windows(
    base: BaseModel, nets: list[ControlNet], theirs: list[ControlNetModel], window: tuple[float, float]
) -> None:
    image, (start, end) = random_condition(1), window
    pipe = pipeline(base, theirs[0], scheduler_of(base))
    expected = their_latents(pipe, image, control_guidance_start=start, control_guidance_end=end)
    latents = our_latents(base, [ControlInput(nets[0], image, start=start, end=end)], scheduler_of(base))
    assert_same(latents, expected)


@pytest.mark.parametrize("strength", [1.0, 0.7])
def test_guess_mode(base: BaseModel, nets: list[ControlNet], theirs: list[ControlNetModel], strength: float) -> None:
    image = random_condition(1)
    pipe = pipeline(base, theirs[0], scheduler_of(base))
    expected = their_latents(pipe, image, guess_mode=True, controlnet_conditioning_scale=strength)
    entry = guessing(nets[0], image, strength)
    assert_same(our_latents(base, [entry], scheduler_of(base)), expected)
    plain = our_latents(base, [ControlInput(nets[0], image, strength)], scheduler_of(base))
    assert (expected - plain).abs().max() > 1e-3


def guessing(net: ControlNet, image: Tensor, strength: float = 1.0) -> ControlInput:
    weights = layer_weights(GUESS_MODE["weights"], net)
    return ControlInput(net, image, strength, weights=weights, conditional_only=GUESS_MODE["conditional_only"])


def test_guidance_one_makes_one_prediction(
    base: BaseModel, nets: list[ControlNet], theirs: list[ControlNetModel]
) -> None:
    image = random_condition(1)
    expected = their_latents(pipeline(base, theirs[0], scheduler_of(base)), image, guidance=1.0)
    assert torch.equal(our_latents(base, [ControlInput(nets[0], image)], scheduler_of(base), guidance=1.0), expected)


def test_a_latent_consistency_model_embeds_its_guidance(base: BaseModel) -> None:
    unet = random_unet("sd15", time_cond_proj_dim=33)
    with torch.no_grad():
        unet.time_embedding.cond_proj.weight.normal_()
    net, image = small_controlnet(base.unet), random_condition(1)
    theirs, base = as_theirs(net, base.unet), replace(base, unet=unet)
    expected = their_latents(pipeline(base, theirs, scheduler_of(base, LCMScheduler)), image)
    latents = our_latents(base, [ControlInput(net, image)], scheduler_of(base, LCMScheduler))
    assert torch.equal(latents, expected)
    other = our_latents(base, [ControlInput(net, image)], scheduler_of(base, LCMScheduler), guidance=2.0)
    assert (latents - other).abs().max() > 1e-3


@pytest.mark.parametrize("guess_mode", [False, True])
def test_sdxl(sdxl_folder: Path, guess_mode: bool) -> None:
    base, image = load_base(sdxl_folder), random_condition(1)
    net = small_controlnet(base.unet)
    pipe = StableDiffusionXLControlNetPipeline(
        vae=base.vae,
        text_encoder=base.text_encoders[0],
        text_encoder_2=base.text_encoders[1],
        tokenizer=base.tokenizers[0],
        tokenizer_2=base.tokenizers[1],
        unet=base.unet,
        controlnet=as_theirs(net, base.unet),
        scheduler=scheduler_of(base, EulerDiscreteScheduler),
        add_watermarker=False,
    )
    pipe.set_progress_bar_config(disable=True)
    expected = their_latents(pipe, image, controlnet_conditioning_scale=1.0, guess_mode=guess_mode)
    entry = guessing(net, image) if guess_mode else ControlInput(net, image)
    latents = our_latents(base, [entry], scheduler_of(base, EulerDiscreteScheduler))
    assert_same(latents, expected)
