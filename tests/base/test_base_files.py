"""Bases from folders and from the hub: what loads, what is fetched, and what is said of a damaged one."""

import json
import shutil
from pathlib import Path

import pytest
import torch

from tinybases import pipeline_of
from zeroconv.base import load_base
from zeroconv.errors import UserError


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
