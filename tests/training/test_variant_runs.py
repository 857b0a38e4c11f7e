"""`zeroconv train` of every architecture and of the base with it, and what `generate` and others make of the result."""

import json
from pathlib import Path

import pytest
import torch
from diffusers import StableDiffusionPipeline
from PIL import Image
from safetensors.torch import load_file
from toytraining import Train, same_weights

from zeroconv import weights
from zeroconv.base import load_base
from zeroconv.base.saving import save_base
from zeroconv.cli.entry import main
from zeroconv.training.state import load_newest
from zeroconv.variants import VARIANTS, variant_of

WEIGHTS = Path("controlnet", "diffusion_pytorch_model.safetensors")
UNET = Path("base", "unet", "diffusion_pytorch_model.safetensors")
OTHERS = [name for name in VARIANTS if name != "full"]


@pytest.fixture(scope="module")
def runs(train: Train, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A short run of each architecture."""
    folder = tmp_path_factory.mktemp("variants")
    for name in OTHERS:
        assert train(folder / name, "--variant", name, "--steps", "2", "--decay", "0") == 0
    return folder


@pytest.fixture(scope="module")
def joint(train: Train, whole: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that goes on from another with the decoder unlocked."""
    out = tmp_path_factory.mktemp("joint") / "run"
    assert train(out, "--start", str(whole / "controlnet"), "--unlock", "decoder", "--decay", "0") == 0
    return out


@pytest.mark.parametrize("name", OTHERS)
def test_a_variant_is_trained_saved_and_sampled(name: str, runs: Path, sd15_folder: Path, tmp_path: Path) -> None:
    base = load_base(sd15_folder)
    controlnet, sidecar = weights.load_with_sidecar(runs / name / "controlnet", base)
    assert variant_of(controlnet) == sidecar.variant == sidecar.training["config"]["variant"] == name
    assert sidecar.training["base_hash_before"] == sidecar.training["base_hash_after"]
    gain = (runs / name / "gain.csv").read_text().splitlines()[1].split(",")[4]
    assert (float(gain) != 0) == (name == "gaussian")
    card = (runs / name / "controlnet" / "README.md").read_text()
    assert f"of the variant {name}" in card and ("ControlNetModel" in card) == (name in ("gaussian", "middle"))
    Image.new("RGB", (64, 64), "red").save(tmp_path / "red.png")
    control = f"canny={tmp_path / 'red.png'},checkpoint={runs / name / 'controlnet'}"
    asked = ["--control", control, "--prompt", "a", "--steps", "2", "--out", str(tmp_path / "out")]
    assert main(["generate", "--base", str(sd15_folder), *asked]) == 0
    assert (tmp_path / "out" / "0000.png").exists()


def test_a_run_is_taken_up_with_what_it_trains(train: Train, runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert train(runs / "lite", "--resume", "--steps", "3") == 0
    assert weights.read_sidecar(runs / "lite" / "controlnet").variant == "lite"
    assert train(runs / "lite", "--resume", "--variant", "gaussian") == 2
    assert "started with variant = lite, not gaussian" in capsys.readouterr().err
    assert train(runs / "lite", "--resume", "--unlock", "all") == 2
    assert "started with unlock = none, not all" in capsys.readouterr().err


def test_the_middle_may_be_joined_by_the_rest_and_nothing_else_changes_kind(
    train: Train, runs: Path, sd15_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    start = ("--start", str(runs / "middle" / "controlnet"), "--base-learning-rate", "1e-5")
    assert train(tmp_path / "full", *start, "--steps", "1") == 0
    assert "base_learning_rate has no effect on a locked base" in capsys.readouterr().err
    base = load_base(sd15_folder)
    before, after = (weights.load(folder / "controlnet", base) for folder in (runs / "middle", tmp_path / "full"))
    assert variant_of(after) == "full"
    assert not any(joint.weight.any() for joint in before.zero_convolutions)
    assert all(joint.weight.any() for joint in after.zero_convolutions)
    assert train(tmp_path / "other", "--start", str(runs / "lite" / "controlnet")) == 2
    assert "is of the variant lite, this training is of full; take --variant lite" in capsys.readouterr().err


def test_the_trained_base_lies_beside_its_controlnet(joint: Path, sd15_folder: Path) -> None:
    base, before = load_base(joint / "base"), load_base(sd15_folder)
    state = load_newest(joint / "states")
    assert state is not None
    changed = {
        key for key, value in base.unet.state_dict().items() if not torch.equal(value, before.unet.state_dict()[key])
    }
    assert changed == state["averaged_base"].keys() and all(not key.startswith(("down", "mid")) for key in changed)
    assert all(torch.equal(base.unet.state_dict()[key], value) for key, value in state["averaged_base"].items())
    sidecar = weights.load_with_sidecar(joint / "controlnet", base)[1]  # a warning if it were of another base
    training = sidecar.training
    assert training["base_hash_before"] == training["base_hash_after"] and training["config"]["unlock"] == "decoder"
    assert weights.load_with_sidecar(joint / "best", load_base(joint / "best" / "base"))[1].base_fingerprint
    assert "trained together with its base (decoder)" in (joint / "controlnet" / "README.md").read_text()
    with pytest.warns(UserWarning, match="trained on the base"):
        weights.load(joint / "controlnet", before)


def test_diffusers_pipelines_load_the_trained_base(joint: Path) -> None:
    pipeline = StableDiffusionPipeline.from_pretrained(joint / "base", local_files_only=True, low_cpu_mem_usage=False)
    expected = load_file(joint / UNET)
    assert same_weights(pipeline.unet.state_dict(), expected)
    assert str(joint) not in (joint / "base" / "unet" / "config.json").read_text()


def test_a_joint_run_is_resumed_bitwise(train: Train, whole: Path, joint: Path, tmp_path: Path) -> None:
    start = ("--start", str(whole / "controlnet"), "--unlock", "decoder", "--decay", "0")
    assert train(tmp_path / "run", *start, "--steps", "2") == 0
    assert train(tmp_path / "run", "--resume", "--steps", "4") == 0
    for file in (WEIGHTS, UNET):
        assert same_weights(load_file(tmp_path / "run" / file), load_file(joint / file))
    assert (tmp_path / "run" / "gain.csv").read_text() == (joint / "gain.csv").read_text()


def test_all_of_a_fresh_run_can_be_unlocked(
    train: Train, sd15_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train(tmp_path / "all", "--unlock", "all", "--steps", "1", "--ema", "0", "--keep", "last") == 0
    assert f"its base in {tmp_path / 'all' / 'base'}" in capsys.readouterr().out
    before, after = (load_base(folder).unet.state_dict() for folder in (sd15_folder, tmp_path / "all" / "base"))
    assert not torch.equal(before["conv_in.weight"], after["conv_in.weight"])
    assert not (tmp_path / "all" / "best").exists()


@pytest.mark.parametrize("kind", ["sd15", "sdxl"])
def test_a_base_is_saved_whole_over_another(kind: str, base_folders: dict[str, Path], tmp_path: Path) -> None:
    base = load_base(base_folders[kind])
    with torch.no_grad():
        base.unet.conv_out.bias.add_(1)
    (tmp_path / "base" / "old").mkdir(parents=True)
    save_base(base, tmp_path / "base")
    again = load_base(tmp_path / "base")
    assert again.fingerprint() == base.fingerprint()
    assert same_weights(again.vae.state_dict(), base.vae.state_dict())
    assert [path.name for path in tmp_path.iterdir()] == ["base"] and not (tmp_path / "base" / "old").exists()
    index = json.loads((tmp_path / "base" / "model_index.json").read_text())
    assert index.get("safety_checker", [None, None]) == [None, None]
