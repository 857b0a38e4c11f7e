import json
import shutil
from pathlib import Path

import pytest
import torch
from diffusers import DDPMScheduler, StableDiffusionPipeline, StableDiffusionXLPipeline

import zeroconv.base as base_file
from tinybases import KINDS, LENGTH
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


def pipeline_of(kind: str, folder: Path) -> StableDiffusionPipeline | StableDiffusionXLPipeline:
    pipeline = StableDiffusionXLPipeline if kind == "sdxl" else StableDiffusionPipeline
    return pipeline.from_pretrained(folder, local_files_only=True, low_cpu_mem_usage=False)


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


def test_float16_files_without_a_variant_load_into_float32(base_folders: dict[str, Path], tmp_path: Path) -> None:
    half = pipeline_of("sdxl", base_folders["sdxl"]).to(torch.float16)
    half.save_pretrained(tmp_path)
    base = load_base(tmp_path)
    for part in (base.unet, base.vae, *base.text_encoders):
        assert {parameter.dtype for parameter in part.parameters()} == {torch.float32}
    assert torch.equal(base.unet.conv_in.weight, half.unet.conv_in.weight.float())
    again = load_base(tmp_path, dtype=torch.float16)
    assert again.dtype == torch.float16 and again.vae.dtype == torch.float32
    assert base.fingerprint() == again.fingerprint()


def test_a_folder_with_nothing_but_a_variant_loads(sd15_folder: Path, tmp_path: Path) -> None:
    pipeline_of("sd15", sd15_folder).to(torch.float16).save_pretrained(tmp_path, variant="fp16")
    assert list((tmp_path / "unet").glob("*.fp16.safetensors"))
    assert load_base(tmp_path).dtype == torch.float32


def test_the_fingerprint_names_the_weights(sd15_folder: Path, sd21_folder: Path) -> None:
    base = load_base(sd15_folder)
    assert base.fingerprint() == load_base(sd15_folder).fingerprint()
    assert base.fingerprint() != load_base(sd21_folder).fingerprint()
    before = unet_fingerprint(base.unet)
    with torch.no_grad():
        base.unet.conv_out.bias[0] += 0.01
    assert unet_fingerprint(base.unet) != before


def damaged(folder: Path, target: Path) -> Path:
    shutil.copytree(folder, target)
    return target


def test_a_missing_weight_is_named(sd15_folder: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    folder = damaged(sd15_folder, tmp_path / "base")
    weights = load_file(folder / "text_encoder" / "model.safetensors")
    key = next(key for key in weights if "layers.1.mlp.fc1.weight" in key)
    save_file(
        {name: weight for name, weight in weights.items() if name != key}, folder / "text_encoder/model.safetensors"
    )
    with pytest.raises(UserError, match=r"text_encoder lacks 1 of the weights.*layers.1.mlp.fc1"):
        load_base(folder)


def test_a_file_cut_short_is_named(sd15_folder: Path, tmp_path: Path) -> None:
    folder = damaged(sd15_folder, tmp_path / "base")
    file = folder / "unet" / "diffusion_pytorch_model.safetensors"
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    with pytest.raises(UserError, match="unet"):
        load_base(folder)


@pytest.mark.parametrize(
    ("part", "message"),
    [
        ("unet", "has no weights"),
        ("tokenizer", "has no tokenizer"),
        ("scheduler", "scheduler"),
        ("vae", "has no weights"),
    ],
)
def test_a_missing_part_is_named(sd15_folder: Path, tmp_path: Path, part: str, message: str) -> None:
    folder = damaged(sd15_folder, tmp_path / "base")
    shutil.rmtree(folder / part)
    with pytest.raises(UserError, match=message) as caught:
        load_base(folder)
    assert part in str(caught.value)


def test_parts_of_two_families_are_refused(sd15_folder: Path, sdxl_folder: Path, tmp_path: Path) -> None:
    folder = damaged(sd15_folder, tmp_path / "base")
    shutil.rmtree(folder / "unet")
    shutil.copytree(sdxl_folder / "unet", folder / "unet")
    with pytest.raises(UserError, match="U-Net reads text of width 64, its encoders give 32"):
        load_base(folder)


def test_a_device_that_is_not_there(sd15_folder: Path) -> None:
    for device in ("cuda:99", "cupboard"):
        with pytest.raises(UserError, match=f"device '{device}' cannot be used here, cpu always can"):
            load_base(sd15_folder, device=device)


def test_a_transformer_is_no_base_yet(sd15_folder: Path, tmp_path: Path) -> None:
    folder = damaged(sd15_folder, tmp_path / "base")
    index = json.loads((folder / "model_index.json").read_text())
    index["transformer"] = ["diffusers", "SD3Transformer2DModel"]
    del index["unet"]
    (folder / "model_index.json").write_text(json.dumps(index))
    with pytest.raises(UserError, match=r"UNet2DConditionModel.*SD3Transformer2DModel"):
        load_base(folder)


def test_an_unknown_name_names_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="did you mean 'tiny'"):
        load_base("tyny")
    with pytest.raises(UserError, match=r"model_index\.json"):
        load_base(tmp_path)
    (tmp_path / "config.json").write_text('{"_class_name": "ControlNetModel"}')
    with pytest.raises(UserError, match="got a ControlNet's folder"):
        load_base(tmp_path)


def test_a_hub_that_does_not_answer_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub

    def unreachable(*_: object, **__: object) -> None:
        raise ConnectionError("no network\nsecond line")

    monkeypatch.setattr(huggingface_hub.HfApi, "model_info", unreachable)
    monkeypatch.setattr(huggingface_hub, "snapshot_download", unreachable)
    with pytest.raises(UserError, match=r"'owner/name' from the hub: no network$"):
        load_base("owner/name")


def test_only_what_is_needed_is_fetched_from_the_hub(monkeypatch: pytest.MonkeyPatch, sd15_folder: Path) -> None:
    import huggingface_hub

    names = [str(path.relative_to(sd15_folder)) for path in sd15_folder.rglob("*") if path.is_file()]
    unwanted = ["v1-5-pruned.ckpt", "unet/diffusion_pytorch_model.bin", "unet/diffusion_pytorch_model.fp16.safetensors"]
    unwanted += ["safety_checker/model.safetensors", "vae/diffusion_pytorch_model.non_ema.safetensors", "README.md"]
    asked: list[str] = []

    class Info:
        siblings = [type("File", (), {"rfilename": name}) for name in [*names, *unwanted]]  # noqa: RUF012

    def download(repository: str, allow_patterns: list[str]) -> str:
        asked.extend(allow_patterns)
        return str(sd15_folder)

    monkeypatch.setattr(huggingface_hub.HfApi, "model_info", lambda *_, **__: Info)
    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    base = load_base("owner/name")
    assert base.name == "owner/name"
    assert sorted(asked) == sorted(names)


def test_a_local_folder_never_asks_the_network(monkeypatch: pytest.MonkeyPatch, sdxl_folder: Path) -> None:
    import socket

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("the network was asked")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    load_base(sdxl_folder)


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
