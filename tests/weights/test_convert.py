"""Converted checkpoints are read by the other program and compute the same, and the command says so."""

import re
from pathlib import Path

import pytest
import torch
from diffusers import ControlNetModel, StableDiffusionPipeline
from safetensors.torch import load_file, save_file
from sameness import same

from networks import small_base, small_controlnet
from singlefiles import narrow_base, write_file, write_vocabulary
from zeroconv.base import load_base
from zeroconv.base.saving import save_base
from zeroconv.cli import main
from zeroconv.weights import describe, load, save, to_diffusers, to_original

Capture = pytest.CaptureFixture[str]


def differences(text: str) -> list[float]:
    return [float(found) for found in re.findall(r"largest difference ([^,]+),", text)]


@pytest.mark.parametrize("kind", ["sd15", "sdxl"])
def test_a_controlnet_goes_and_comes(kind: str, tmp_path: Path, capsys: Capture) -> None:
    """The small networks' heads are not the families': the folder has its config, the file is read with its base."""
    base = small_base(kind)
    net = small_controlnet(base.unet)
    folder, file = save(net, base, tmp_path / "net"), tmp_path / "net.safetensors"
    assert main(["convert", str(folder), str(tmp_path / "copy"), "--to", "diffusers"]) == 0
    model = ControlNetModel.from_pretrained(tmp_path / "copy", low_cpu_mem_usage=False)
    assert all(torch.equal(value, to_diffusers(net)[key]) for key, value in model.state_dict().items())
    assert main(["convert", str(folder), str(file), "--to", "original"]) == 0
    assert same(load(file, base), net)
    shown = capsys.readouterr().out
    assert differences(shown) == [0.0, 0.0] and shown.count("residuals") == 2
    assert all(float(value) > 0.01 for value in re.findall(r"largest value (\S+)", shown))
    assert describe(tmp_path / "copy").sidecar == describe(folder).sidecar


def test_a_bare_file_has_the_familys_heads(tmp_path: Path, capsys: Capture) -> None:
    base = narrow_base("sd21")
    net = small_controlnet(base.unet)
    save_file({key: value.half() for key, value in to_original(net, "").items()}, tmp_path / "net.safetensors")
    target = tmp_path / "net"
    assert main(["convert", str(tmp_path / "net.safetensors"), str(target), "--to", "diffusers"]) == 0
    assert differences(capsys.readouterr().out) == [0.0]
    model = ControlNetModel.from_pretrained(target, low_cpu_mem_usage=False)
    heads = [module.heads for module in model.modules() if hasattr(module, "heads")]
    expected = [module.heads for module in net.modules() if hasattr(module, "heads")]
    assert heads == expected and model.config.cross_attention_dim == 64
    assert next(iter(load_file(target / "diffusion_pytorch_model.safetensors").values())).dtype == torch.float16
    assert not (target / "zeroconv.json").exists()


def test_half_precision_says_what_it_costs(tmp_path: Path, capsys: Capture) -> None:
    base = small_base("sd15")
    folder = save(small_controlnet(base.unet), base, tmp_path / "net")
    how = ["--to", "original", "--dtype", "fp16"]
    assert main(["convert", str(folder), str(tmp_path / "half.safetensors"), *how]) == 0
    (difference,) = differences(capsys.readouterr().out)
    assert 0 < difference < 0.05


@pytest.mark.parametrize("family", ["sd15", "sdxl"])
def test_a_base_goes_and_comes(family: str, tmp_path: Path, capsys: Capture) -> None:
    base = narrow_base(family)
    file, vocabulary = write_file(base, tmp_path / "base.safetensors"), write_vocabulary(tmp_path / "clip")
    folder, again = tmp_path / "folder", tmp_path / "again.safetensors"
    assert main(["convert", str(file), str(folder), "--to", "diffusers", "--tokenizer", str(vocabulary)]) == 0
    assert load_base(folder).fingerprint() == base.fingerprint()
    if family == "sd15":
        pipeline = StableDiffusionPipeline.from_pretrained(folder, local_files_only=True, low_cpu_mem_usage=False)
        assert same(pipeline.vae, base.vae)
    assert main(["convert", str(folder), str(again), "--to", "original"]) == 0
    one, two = load_file(file), load_file(again)
    assert one.keys() == two.keys() and all(torch.equal(one[key], two[key]) for key in one)
    found = differences(capsys.readouterr().out)
    assert found == [0.0] * (6 if family == "sd15" else 8)


def test_mistakes_are_one_sentence(tmp_path: Path, capsys: Capture, sd15_folder: Path) -> None:
    base = small_base("sd15")
    net = small_controlnet(base.unet)
    folder = save(net, base, tmp_path / "net")
    save_file({"difference": torch.zeros(()), **to_original(net)}, tmp_path / "difference.safetensors")
    for source, target, to, sentence in (
        (folder, folder, "diffusers", "is there already"),
        (folder, tmp_path / "net.pth", "original", "expected a name ending in .safetensors"),
        (folder, tmp_path / "new.safetensors", "diffusers", "the diffusers layout is a folder"),
        (tmp_path / "difference.safetensors", tmp_path / "new", "diffusers", "give --base"),
        (sd15_folder / "unet", tmp_path / "new", "diffusers", "is a U-Net alone"),
        (tmp_path / "absent", tmp_path / "new", "diffusers", "no ControlNet"),
    ):
        assert main(["convert", str(source), str(target), "--to", to]) == 2
        assert sentence in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["difference.safetensors", "net"]


def test_a_base_from_a_file_is_saved_whole(tmp_path: Path) -> None:
    file, vocabulary = write_file(narrow_base("sd15"), tmp_path / "base.ckpt"), write_vocabulary(tmp_path / "clip")
    base = load_base(file, tokenizer=vocabulary)
    folder = save_base(base, save_base(base, tmp_path / "folder"))
    assert load_base(folder).fingerprint() == base.fingerprint()
