"""Requests become pictures: the same alone or among others, the same as diffusers', controlled as asked."""

import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import StableDiffusionControlNetPipeline
from PIL import Image

from helpers_generate import asked, largest_difference
from tinybases import random_unet
from zeroconv import weights
from zeroconv.base import BaseModel, load_base
from zeroconv.control import ControlNet
from zeroconv.errors import UserError
from zeroconv.generate import Request, generate, network_input
from zeroconv.generate.prepare import prepare
from zeroconv.weights import Sidecar

pytestmark = [pytest.mark.filterwarnings("ignore:__array_:DeprecationWarning"), pytest.mark.usefixtures("one_thread")]


@pytest.mark.parametrize("scheduler", ["ddim", "euler-a", "dpm++2m-sde"])
def test_a_picture_alone_equals_it_among_others(base: BaseModel, canny: Path, photo: Path, scheduler: str) -> None:
    together = list(generate(base, asked(photo, canny, scheduler=scheduler)))
    in_pairs = list(generate(base, asked(photo, canny, scheduler=scheduler), batch_size=2))
    alone = [next(generate(base, asked(photo, canny, (seed,), scheduler=scheduler))) for seed in (5, 6, 7)]
    for k in range(3):
        assert largest_difference(together[k], alone[k]) <= 1
        assert largest_difference(in_pairs[k], alone[k]) <= 1
    assert largest_difference(alone[0], alone[1]) > 8, "different seeds are different pictures"


@pytest.mark.parametrize("scheduler", ["ddim", "euler-a"])
def test_equals_diffusers_with_a_list_of_generators(
    base: BaseModel, sd15_folder: Path, canny: Path, photo: Path, scheduler: str
) -> None:
    request = asked(photo, canny, scheduler=scheduler, strength=0.7, start=0.25, guidance=6.0)
    prepared = prepare(base, request)
    controlnet = weights.as_diffusers(prepared.controls[0].controlnet)
    parts = {"controlnet": controlnet, "safety_checker": None, "local_files_only": True}
    pipeline = StableDiffusionControlNetPipeline.from_pretrained(sd15_folder, **parts)
    pipeline.scheduler = prepared.scheduler
    pipeline.set_progress_bar_config(disable=True)
    theirs = pipeline(
        [request.prompt] * 3,
        image=prepared.controls[0].condition,
        negative_prompt=[request.negative] * 3,
        num_inference_steps=request.steps,
        guidance_scale=6.0,
        generator=[torch.Generator().manual_seed(seed) for seed in request.seeds],
        controlnet_conditioning_scale=0.7,
        control_guidance_start=0.25,
    ).images
    for mine, other in zip(generate(base, prepared), theirs, strict=True):
        assert largest_difference(mine, other) <= 1


def test_control_acts_and_strength_zero_does_not(base: BaseModel, canny: Path, photo: Path) -> None:
    free = next(generate(base, Request("a red house", negative="a", steps=3, seeds=(5,), size=(64, 64))))
    assert largest_difference(free, next(generate(base, asked(photo, canny, (5,), size=(64, 64))))) > 4
    reasons = [({"strength": 0.0}, "at a strength of 0"), ({"start": 1.0}, "it acts at no step")]
    reasons += [({"mask": Image.new("L", (64, 64))}, "adds only zeros")]
    for changes, reason in reasons:
        with pytest.warns(UserWarning, match=f"the control canny has no effect.*{reason}"):
            controlled = next(generate(base, asked(photo, canny, (5,), size=(64, 64), **changes)))
        assert largest_difference(free, controlled) == 0


def test_an_untrained_controlnet_is_said(base: BaseModel, photo: Path) -> None:
    fresh = ControlNet(base.unet).eval()
    with pytest.warns(UserWarning, match="canny has no effect: its network adds only zeros"):
        next(generate(base, asked(photo, fresh, (5,))))  # type: ignore[arg-type]


def test_two_controls_act_together(base: BaseModel, canny: Path, photo: Path) -> None:
    once = asked(photo, canny, (5,), strength=2.0)
    control = asked(photo, canny, strength=1.0).controls[0]
    twice = Request("a red house", (control, control), negative="a", steps=3, seeds=(5,))
    prepared = prepare(base, twice)
    assert prepared.controls[0].controlnet is prepared.controls[1].controlnet, "loaded once"
    assert largest_difference(next(generate(base, once)), next(generate(base, prepared))) <= 1


@pytest.mark.parametrize(
    "changes",
    [
        {"weights": "soft"},
        {"conditional_only": True},
        {"window": "noise", "start": 0.5},
        {"schedule": (0.0, 1.0)},
        {"schedule": "cosine"},
        {"mask": Image.new("L", (64, 64), 128)},
    ],
)
def test_every_setting_of_a_control_changes_the_picture(
    base: BaseModel, canny: Path, photo: Path, changes: dict[str, Any]
) -> None:
    plain = next(generate(base, asked(photo, canny, (5,), strength=2.0)))
    assert largest_difference(plain, next(generate(base, asked(photo, canny, (5,), strength=2.0, **changes)))) > 1


def test_strengths_of_one_batch_are_those_of_the_pictures(base: BaseModel, canny: Path, photo: Path) -> None:
    strengths = (0.0, 0.5, 2.0)
    for together in (3, 2):
        request = asked(photo, canny, (5, 5, 5), strength=strengths)
        pictures = generate(base, request, batch_size=together)
        for strength, picture in zip(strengths, pictures, strict=True):
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", message="the control canny has no effect")
                alone = next(generate(base, asked(photo, canny, (5,), strength=strength)))
            assert largest_difference(picture, alone) <= 1


def test_a_mask_divides_the_picture(base: BaseModel, canny: Path, photo: Path) -> None:
    mask = Image.new("L", (64, 64))
    mask.paste(255, (0, 0, 32, 64))
    control = prepare(base, asked(photo, canny, mask=mask, feather=4)).controls[0]
    values = np.asarray(control.mask)
    assert (values[:, :30] == 255).all() and not values[:, 34:].any() and 0 < values[5, 31] < 255


def test_empty_prompts_are_fine(base: BaseModel) -> None:
    assert next(generate(base, Request("", steps=1))).size == (64, 64)


def test_a_long_prompt_warns_once(base: BaseModel) -> None:
    with pytest.warns(UserWarning, match="tokens.*its end is not seen") as caught:
        list(generate(base, Request("house " * 40, steps=1, seeds=(1, 2)), batch_size=1))
    assert len(caught) == 1


def test_steps_are_reported_for_every_picture(base: BaseModel) -> None:
    reported: list[int] = []
    prepared = prepare(base, Request("", steps=3, seeds=(1, 2, 3)))
    list(generate(base, prepared, batch_size=2, on_step=reported.append))
    assert reported == [2, 2, 2, 1, 1, 1]
    assert sum(reported) == 3 * prepared.num_steps


def broken_below_float32(base: BaseModel, monkeypatch: pytest.MonkeyPatch, part: str, value: float) -> None:
    """As SDXL's autoencoder and SD 2.1's attention do: in less than float32 the values are no numbers."""
    whole = getattr(type(base), part)

    def broken(self: BaseModel, *inputs: Any, **options: Any) -> torch.Tensor:
        result: torch.Tensor = whole(self, *inputs, **options)
        network = self.vae if part == "decode" else self.unet
        return result if network.dtype == torch.float32 else torch.full_like(result, value)

    monkeypatch.setattr(type(base), part, broken)


@pytest.mark.parametrize(
    ("part", "value", "sentence"),
    [
        ("decode", float("nan"), "the autoencoder gave values that are no numbers in bfloat16"),
        ("decode", -1.0, "a picture is of one colour only, in bfloat16"),
        ("predict_noise", float("inf"), "denoising in bfloat16 gave values that are no numbers"),
    ],
)
def test_what_half_precision_breaks_is_made_again(
    sd15_folder: Path, canny: Path, photo: Path, monkeypatch: pytest.MonkeyPatch, part: str, value: float, sentence: str
) -> None:
    half, request = load_base(sd15_folder, dtype=torch.bfloat16), asked(photo, canny, (5,))
    expected = next(generate(half, request))
    before = {name: weight.clone() for name, weight in half.unet.state_dict().items()}
    broken_below_float32(half, monkeypatch, part, value)
    with pytest.warns(UserWarning, match=f"{sentence}; made again in float32"):
        picture = next(generate(half, request))
    assert np.asarray(picture).std() > 0 and largest_difference(picture, expected) < 64
    assert half.dtype == torch.bfloat16 == half.vae.dtype
    assert all(torch.equal(before[name], weight) for name, weight in half.unet.state_dict().items())


def test_what_is_made_again_leaves_its_company_as_it_was(
    sd15_folder: Path, canny: Path, photo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    half, request = load_base(sd15_folder, dtype=torch.bfloat16), asked(photo, canny, (5, 6))
    expected = list(generate(half, request))
    whole = type(half).decode

    def broken(self: BaseModel, latents: torch.Tensor) -> torch.Tensor:
        images = whole(self, latents)
        if self.vae.dtype != torch.float32:
            images[1] = -1.0
        return images

    monkeypatch.setattr(type(half), "decode", broken)
    with pytest.warns(UserWarning, match="made again in float32"):
        pictures = list(generate(half, request))
    assert largest_difference(pictures[0], expected[0]) == 0
    assert np.asarray(pictures[1]).std() > 0


def test_numbers_that_overflow_are_said(base: BaseModel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(base), "decode", lambda self, latents: torch.full((1, 3, 8, 8), float("nan")))
    with pytest.raises(UserError, match="no numbers in float32, the highest precision there is"):
        next(generate(base, Request("", steps=1)))


def test_every_picture_may_have_its_prompt(base: BaseModel, canny: Path, photo: Path) -> None:
    prompts = ("a red house", "blue", "a tree " * 9)
    control = asked(photo, canny).controls[0]
    for mode in ("plain", "long"):
        settings: dict[str, Any] = {"steps": 2, "prompt_mode": mode}
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="the prompt exceeds")
            together = list(generate(base, Request(prompts, (control,), seeds=(5, 5, 5), **settings), batch_size=2))
            alone = [next(generate(base, Request(text, (control,), seeds=(5,), **settings))) for text in prompts]
        for one, other in zip(together, alone, strict=True):
            assert largest_difference(one, other) <= 1
        assert largest_difference(together[0], together[1]) > 1


@pytest.mark.parametrize("mask", [None, "left"])
def test_a_picture_is_changed(base: BaseModel, canny: Path, photo: Path, mask: str | None) -> None:
    white = Image.new("L", (64, 64))
    white.paste(255, (0, 0, 32, 64))
    changes: dict[str, Any] = {} if mask is None else {"mask": white}
    control = asked(photo, canny).controls[0]
    request = Request("a house", (control,), steps=4, seeds=(5, 6), image=photo, **changes)
    prepared = prepare(base, request)
    assert prepared.request.denoise == (0.8 if mask is None else 1.0)
    assert prepared.num_steps == (3 if mask is None else 4)
    together = list(generate(base, prepared))
    alone = next(generate(base, prepared.only([1])))
    assert largest_difference(together[1], alone) <= 1 and largest_difference(together[0], together[1]) > 1


def test_what_a_mask_keeps_is_kept_pixel_by_pixel(base: BaseModel, photo: Path) -> None:
    white = Image.new("L", (64, 64))
    white.paste(255, (0, 0, 32, 64))
    request = Request("a house", steps=2, image=photo, mask=white, size=(64, 64))
    before = np.asarray(prepare(base, request).image)
    kept, sharp, decoded = (
        np.asarray(next(generate(base, replace(request, **changes))), dtype=np.int16)
        for changes in ({}, {"feather": 0}, {"paste": False})
    )
    assert np.array_equal(kept[:, 32:], before[:, 32:]) and not np.array_equal(decoded[:, 32:], before[:, 32:])
    assert np.array_equal(sharp[:, :32], decoded[:, :32]) and np.array_equal(kept[:, :28], decoded[:, :28])
    fading = np.rint(before[:, 31] + (decoded[:, 31] - before[:, 31]) / 5)
    assert np.abs(kept[:, 31] - fading).max() <= 1


def test_an_inpainting_base_needs_a_mask(base: BaseModel) -> None:
    wide = replace(base, unet=random_unet("sd15", in_channels=9))
    with pytest.raises(UserError, match="is an inpainting base: it needs an image and a mask"):
        prepare(wide, Request("a"))


def test_few_step_samplers_and_networks_belong_together(base: BaseModel) -> None:
    with pytest.warns(UserWarning, match="lcm is for bases distilled for few steps"):
        assert prepare(base, Request("a", steps=4, scheduler="lcm")).guidance == 1.0
    distilled = replace(base, unet=random_unet("sd15", time_cond_proj_dim=32))
    with pytest.warns(UserWarning, match="was distilled for the scheduler lcm, not for ddim"):
        prepare(distilled, Request("a"))
    with pytest.warns(UserWarning, match="negative prompt has no effect with .* embeds its guidance"):
        prepare(distilled, Request("a", scheduler="lcm", steps=4, negative="b"))


def test_network_input() -> None:
    condition = Image.new("RGB", (3, 2), (255, 0, 51))
    image = network_input("depth", condition, 3, Sidecar())
    assert image.shape == (1, 3, 2, 3)
    assert image[0, :, 0, 0].tolist() == pytest.approx([1.0, 0.0, 0.2])
    assert network_input("depth", condition, 1, Sidecar()).shape == (1, 1, 2, 3)
    with pytest.raises(UserError, match="conditions of 4 channels"):
        network_input("depth", condition, 4, Sidecar())


@pytest.mark.parametrize(
    ("name", "sidecar", "expected"),
    [
        ("normal", Sidecar(channel_order="BGR"), [0.2, 0.0, 1.0]),
        ("normal", Sidecar(range=(-1.0, 1.0)), [1.0, -1.0, -0.6]),
        ("canny", Sidecar(polarity="black on white"), [0.0, 1.0, 0.8]),
        ("canny", Sidecar(polarity="white on black"), [1.0, 0.0, 0.2]),
        ("depth", Sidecar(polarity="black on white"), [1.0, 0.0, 0.2]),
    ],
)
def test_the_network_reads_what_its_sidecar_says(name: str, sidecar: Sidecar, expected: list[float]) -> None:
    image = network_input(name, Image.new("RGB", (1, 1), (255, 0, 51)), 3, sidecar)
    assert image[0, :, 0, 0].tolist() == pytest.approx(expected)
