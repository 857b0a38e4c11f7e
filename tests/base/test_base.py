"""The locked bundle says and computes what diffusers does."""

from pathlib import Path

import pytest
import torch
from diffusers import DDPMScheduler

import zeroconv.base as base_file
from tinybases import KINDS, LENGTH, pipeline_of
from zeroconv.base import BUILT_IN, BaseModel, load_base, unet_fingerprint
from zeroconv.control import Control
from zeroconv.errors import UserError

PROMPTS = ["a red house", "", "Zwölf Hü ❤"]


@pytest.fixture(scope="module", params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def base(kind: str, base_folders: dict[str, Path]) -> BaseModel:
    return load_base(base_folders[kind])


def test_the_text_is_encoded_bitwise_as_by_diffusers(kind: str, base: BaseModel, base_folders: dict[str, Path]) -> None:
    pipeline = pipeline_of(kind, base_folders[kind])
    expected = pipeline.encode_prompt(PROMPTS, device="cpu", num_images_per_prompt=1, do_classifier_free_guidance=False)
    text = base.encode_text(PROMPTS, size=(96, 64))
    assert torch.equal(text.tokens, expected[0])
    assert not torch.equal(text.tokens[0], text.tokens[1])
    if kind != "sdxl":
        assert text.pooled is None and text.sizes is None
        return
    assert text.pooled is not None and torch.equal(text.pooled, expected[2])
    ids = pipeline._get_add_time_ids((64, 96), (0, 0), (64, 96), torch.float32, text_encoder_projection_dim=32)
    assert text.sizes is not None and torch.equal(text.sizes, ids.repeat(3, 1))


def test_no_negative_prompt_is_what_diffusers_takes(kind: str, base: BaseModel, base_folders: dict[str, Path]) -> None:
    pipeline = pipeline_of(kind, base_folders[kind])
    expected = pipeline.encode_prompt(
        ["a house"], device="cpu", num_images_per_prompt=1, do_classifier_free_guidance=True
    )
    text = base.encode_negative([""])
    assert torch.equal(text.tokens, expected[1])
    if kind == "sdxl":
        assert text.pooled is not None and torch.equal(text.pooled, expected[3])
        assert text.tokens.abs().max() == 0
    assert torch.equal(base.encode_negative(["ugly"]).tokens, base.encode_text(["ugly"]).tokens)


def test_a_long_prompt_is_cut_and_the_warning_names_the_end(kind: str, base: BaseModel) -> None:
    with pytest.warns(UserWarning, match=f"{LENGTH} tokens.*house") as caught:
        text = base.encode_text(["red " * (LENGTH - 2) + "blue house"])
    assert "red" not in str(caught[0].message)
    assert torch.equal(text.tokens, base.encode_text(["red " * (LENGTH - 2)]).tokens)


def test_a_bare_string_is_refused(base: BaseModel) -> None:
    with pytest.raises(TypeError, match="sequence"):
        base.encode_text("a house")


def test_the_base_is_locked(base: BaseModel) -> None:
    for part in (base.unet, base.vae, *base.text_encoders):
        assert not part.training
        assert not any(parameter.requires_grad for parameter in part.parameters())


def test_what_the_base_says_of_itself(kind: str, base: BaseModel) -> None:
    assert base.factor == 8
    assert base.native_size == 64
    assert base.multiple == (32 if kind == "sdxl" else 64)
    assert base.prediction_type == ("v_prediction" if kind == "sd21" else "epsilon")
    assert base.num_train_timesteps == 1000
    assert base.latent_channels == 4
    assert base.takes_sizes == (kind == "sdxl")
    assert base.dtype == torch.float32 and base.device == torch.device("cpu")


def test_the_prediction_is_the_unets(kind: str, base: BaseModel) -> None:
    text = base.encode_text(PROMPTS[:2])
    latents, timesteps = torch.randn(2, 4, 8, 8), torch.tensor([3, 900])
    added = {"text_embeds": text.pooled, "time_ids": text.sizes} if kind == "sdxl" else None
    expected = base.unet(latents, timesteps, text.tokens, added_cond_kwargs=added).sample
    assert torch.equal(base.predict_noise(latents, timesteps, text), expected)


def test_control_reaches_skips_and_middle(kind: str, base: BaseModel) -> None:
    text = base.encode_text(["a house"])
    latents, timesteps = torch.randn(1, 4, 8, 8), torch.tensor([500])
    sizes = [8, 8, 8, 4, 4, 4, 2, 2, 2, 2] if kind == "sdxl" else [8, 8, 8, 4, 4, 4, 2, 2, 2, 1, 1, 1, 1]
    widths = [16, 16, 16, 16, 32, 32, 32, 32, 32, 32, 32, 32, 32][: len(sizes)]
    shapes = [(1, width, size, size) for width, size in zip(widths, sizes, strict=True)]
    alone = base.predict_noise(latents, timesteps, text)
    for chosen in range(len(shapes)):
        parts = tuple(torch.randn(shape) * (index == chosen) for index, shape in enumerate(shapes))
        controlled = base.predict_noise(latents, timesteps, text, Control(parts))
        assert not torch.equal(controlled, alone), f"residual {chosen} has no effect"
    nothing = Control(tuple(torch.zeros(shape) for shape in shapes))
    assert torch.equal(base.predict_noise(latents, timesteps, text, nothing), alone)


def test_noise_and_target_are_the_schedulers(base: BaseModel) -> None:
    latents, noise, timesteps = torch.randn(3, 4, 8, 8), torch.randn(3, 4, 8, 8), torch.tensor([0, 500, 999])
    scheduler = DDPMScheduler.from_config(base.scheduler.config)
    assert torch.equal(base.alphas_cumprod, scheduler.alphas_cumprod)
    assert torch.equal(base.add_noise(latents, noise, timesteps), scheduler.add_noise(latents, noise, timesteps))
    velocity = scheduler.get_velocity(latents, noise, timesteps)
    expected = velocity if base.prediction_type == "v_prediction" else noise
    assert torch.equal(base.target(latents, noise, timesteps), expected)


def test_latents_are_scaled_as_diffusers_scales_them(base: BaseModel) -> None:
    images = torch.rand(2, 3, 64, 64) * 2 - 1
    latents = base.encode_image(images)
    expected = base.vae.encode(images).latent_dist.mode() * base.vae.config.scaling_factor
    assert torch.allclose(latents, expected, atol=1e-7)
    decoded = base.decode(latents)
    expected = base.vae.decode(latents / base.vae.config.scaling_factor).sample.clamp(-1, 1)
    assert torch.equal(decoded, expected)
    drawn = [base.encode_image(images, torch.Generator().manual_seed(seed)) for seed in (0, 0, 1)]
    assert torch.equal(drawn[0], drawn[1]) and not torch.equal(drawn[0], drawn[2])


def test_latents_with_mean_and_spread_come_back(sd15_folder: Path) -> None:
    base = load_base(sd15_folder)
    plain = base.vae.encode(images := torch.rand(1, 3, 64, 64)).latent_dist.mode()
    base.vae.register_to_config(latents_mean=[0.1, 0.2, 0.3, 0.4], latents_std=[1.0, 2.0, 3.0, 4.0])
    mean, std = (torch.tensor(base.vae.config[key]).view(1, 4, 1, 1) for key in ("latents_mean", "latents_std"))
    latents = base.encode_image(images)
    assert torch.allclose(latents, (plain - mean) * base.vae.config.scaling_factor / std, atol=1e-6)
    assert torch.allclose(base.decode(latents), base.vae.decode(plain).sample.clamp(-1, 1), atol=1e-5)


def test_a_shift_is_taken_off_first(sd15_folder: Path) -> None:
    base = load_base(sd15_folder)
    plain = base.vae.encode(images := torch.rand(1, 3, 64, 64)).latent_dist.mode()
    base.vae.register_to_config(shift_factor=0.3)
    assert torch.allclose(base.encode_image(images), (plain - 0.3) * base.vae.config.scaling_factor, atol=1e-6)


def test_the_fingerprint_names_the_weights(sd15_folder: Path, sd21_folder: Path) -> None:
    base = load_base(sd15_folder)
    assert base.fingerprint() == load_base(sd15_folder).fingerprint()
    assert base.fingerprint() != load_base(sd21_folder).fingerprint()
    before = unet_fingerprint(base.unet)
    with torch.no_grad():
        base.unet.conv_out.bias[0] += 0.01
    assert unet_fingerprint(base.unet) != before


def test_the_built_in_base_speaks(monkeypatch: pytest.MonkeyPatch) -> None:
    if not BUILT_IN["tiny"].is_dir():
        pytest.skip("the built-in base is not part of this checkout yet")
    base = load_base("tiny")
    assert base.family == "tiny" and base.name == "tiny"
    text = base.encode_text(["a red sphere", ""])
    latents = torch.randn(2, base.latent_channels, base.native_size // base.factor, base.native_size // base.factor)
    assert base.predict_noise(latents, torch.tensor([10, 900]), text).shape == latents.shape
    assert base.decode(latents).shape == (2, 3, base.native_size, base.native_size)


def test_an_absent_built_in_base_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(base_file.BUILT_IN, "tiny", tmp_path / "absent")
    with pytest.raises(UserError, match="not part of this installation"):
        load_base("tiny")
