"""Image-to-image and inpainting under control give diffusers' latents, with ordinary and with inpainting bases."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import (
    DDIMScheduler,
    DPMSolverMultistepScheduler,
    EulerAncestralDiscreteScheduler,
    EulerDiscreteScheduler,
    HeunDiscreteScheduler,
    StableDiffusionControlNetImg2ImgPipeline,
    StableDiffusionControlNetInpaintPipeline,
    StableDiffusionXLControlNetImg2ImgPipeline,
    StableDiffusionXLControlNetInpaintPipeline,
    StableDiffusionXLInpaintPipeline,
)
from latents import NEGATIVE, PROMPT, SEED, assert_same, scheduler_of
from PIL import Image
from torch import Tensor

from networks import as_theirs, random_condition, small_controlnet
from tinybases import random_unet
from zeroconv.base import BaseModel, load_base
from zeroconv.generate.picture_input import PictureInput
from zeroconv.sampling import ControlInput, guided_noise, sample

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
SCHEDULERS = (
    DDIMScheduler,
    EulerDiscreteScheduler,
    DPMSolverMultistepScheduler,
    HeunDiscreteScheduler,
    EulerAncestralDiscreteScheduler,
)
STEPS, GUIDANCE = 5, 6.0


def picture() -> Image.Image:
    return Image.fromarray(np.random.default_rng(1).integers(0, 256, (64, 64, 3), dtype=np.uint8))


def hole() -> Image.Image:
    mask = Image.new("L", (64, 64))
    mask.paste(255, (16, 8, 56, 48))
    return mask


@pytest.fixture(scope="module")
def base(sd15_folder: Path) -> BaseModel:
    return load_base(sd15_folder)


@pytest.fixture(scope="module")
def wide(base: BaseModel) -> BaseModel:
    return replace(base, unet=random_unet("sd15", in_channels=9))


@pytest.fixture(scope="module")
def xl(sdxl_folder: Path) -> BaseModel:
    return load_base(sdxl_folder)


@pytest.fixture(scope="module")
def wide_xl(xl: BaseModel) -> BaseModel:
    return replace(xl, unet=random_unet("sdxl", in_channels=9))


def ours(
    base: BaseModel, entry: ControlInput | None, scheduler: Any, mask: Image.Image | None, denoise: float
) -> Tensor:
    generators = [torch.Generator().manual_seed(SEED)]
    noise, start, channels = PictureInput(base, picture(), mask, denoise).begin(generators)
    text, negative = base.encode_text([PROMPT], (64, 64)), base.encode_negative([NEGATIVE], (64, 64))
    entries = [] if entry is None else [entry]
    predict = guided_noise(base, entries, text, negative, GUIDANCE, channels=channels)
    *_, latents = sample(predict, scheduler, noise, STEPS, generators, start=start)
    return latents


def theirs(
    kind: Any, base: BaseModel, entry: ControlInput | None, scheduler: Any, copied_from: Any = None, **options: Any
) -> Tensor:
    parts: dict[str, Any] = {"vae": base.vae, "unet": base.unet, "scheduler": scheduler}
    for number, (encoder, tokenizer) in enumerate(zip(base.text_encoders, base.tokenizers, strict=True)):
        suffix = f"_{number + 1}" if number else ""
        parts |= {f"text_encoder{suffix}": encoder, f"tokenizer{suffix}": tokenizer}
    is_xl = len(base.text_encoders) == 2
    plain = {"safety_checker": None, "feature_extractor": None, "requires_safety_checker": False}
    parts |= {"add_watermarker": False} if is_xl else plain
    if entry is not None:
        parts["controlnet"] = as_theirs(entry.controlnet, copied_from or base.unet)
        options |= {"control_image": entry.image, "controlnet_conditioning_scale": 1.0}
        options |= {"control_guidance_start": entry.start, "control_guidance_end": entry.end}
    pipe = kind(**parts)
    pipe.set_progress_bar_config(disable=True)
    latents: Tensor = pipe(
        PROMPT,
        image=picture(),
        negative_prompt=NEGATIVE,
        num_inference_steps=STEPS,
        guidance_scale=GUIDANCE,
        generator=[torch.Generator().manual_seed(SEED)],
        output_type="latent",
        **options,
    ).images
    return latents


@pytest.mark.parametrize("kind", SCHEDULERS)
def test_image_to_image(base: BaseModel, kind: Any) -> None:
    entry = ControlInput(small_controlnet(base.unet), random_condition(1), start=0.3)
    other = theirs(StableDiffusionControlNetImg2ImgPipeline, base, entry, scheduler_of(base, kind), strength=0.7)
    assert_same(ours(base, entry, scheduler_of(base, kind), None, 0.7), other)


def test_image_to_image_with_sdxl(xl: BaseModel) -> None:
    entry = ControlInput(small_controlnet(xl.unet), random_condition(1))
    other = theirs(StableDiffusionXLControlNetImg2ImgPipeline, xl, entry, scheduler_of(xl), strength=0.6)
    assert_same(ours(xl, entry, scheduler_of(xl), None, 0.6), other)


@pytest.mark.parametrize("denoise", [1.0, 0.6])
@pytest.mark.parametrize("kind", SCHEDULERS[:3])
def test_inpainting_with_an_ordinary_base(base: BaseModel, kind: Any, denoise: float) -> None:
    entry = ControlInput(small_controlnet(base.unet), random_condition(1), end=0.7)
    options = {"mask_image": hole(), "strength": denoise}
    other = theirs(StableDiffusionControlNetInpaintPipeline, base, entry, scheduler_of(base, kind), **options)
    latents = ours(base, entry, scheduler_of(base, kind), hole(), denoise)
    assert_same(latents, other)


@pytest.mark.parametrize("denoise", [1.0, 0.6])
def test_inpainting_with_an_inpainting_base(base: BaseModel, wide: BaseModel, denoise: float) -> None:
    """The ControlNet is one of an ordinary base, as diffusers has it: it reads the four channels of the latents."""
    entry = ControlInput(small_controlnet(base.unet), random_condition(1))
    options = {"mask_image": hole(), "strength": denoise, "copied_from": base.unet}
    other = theirs(StableDiffusionControlNetInpaintPipeline, wide, entry, scheduler_of(wide), **options)
    assert_same(ours(wide, entry, scheduler_of(wide), hole(), denoise), other)


@pytest.mark.parametrize("denoise", [1.0, 0.6])
@pytest.mark.parametrize("kind", SCHEDULERS[:2])
@pytest.mark.parametrize("is_wide", [False, True])
def test_inpainting_with_sdxl(xl: BaseModel, wide_xl: BaseModel, kind: Any, denoise: float, is_wide: bool) -> None:
    """Ordinary and inpainting bases, both with a ControlNet of the ordinary one."""
    base = wide_xl if is_wide else xl
    entry = ControlInput(small_controlnet(xl.unet), random_condition(1), end=0.7)
    options = {"mask_image": hole(), "strength": denoise, "copied_from": xl.unet}
    other = theirs(StableDiffusionXLControlNetInpaintPipeline, base, entry, scheduler_of(base, kind), **options)
    assert_same(ours(base, entry, scheduler_of(base, kind), hole(), denoise), other)


@pytest.mark.parametrize("is_wide", [False, True])
def test_inpainting_with_sdxl_alone(xl: BaseModel, wide_xl: BaseModel, is_wide: bool) -> None:
    base, options = wide_xl if is_wide else xl, {"mask_image": hole(), "strength": 0.6, "height": 64, "width": 64}
    other = theirs(StableDiffusionXLInpaintPipeline, base, None, scheduler_of(base), **options)
    assert_same(ours(base, None, scheduler_of(base), hole(), 0.6), other)


def test_a_controlnet_of_the_inpainting_base_reads_all_nine_channels(wide: BaseModel) -> None:
    entry = ControlInput(small_controlnet(wide.unet), random_condition(1))
    seen: list[int] = []
    handle = entry.controlnet.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0].shape[1]))
    ours(wide, entry, scheduler_of(wide), hole(), 1.0)
    handle.remove()
    assert set(seen) == {9}
