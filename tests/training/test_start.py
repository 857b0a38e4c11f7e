"""A training that goes on from a ControlNet that is there."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from toytraining import Train, same_weights

from zeroconv import weights
from zeroconv.base import load_base
from zeroconv.errors import UserError
from zeroconv.training.start import first_controlnet

WEIGHTS = Path("controlnet", "diffusion_pytorch_model.safetensors")


def test_it_begins_with_the_weights_that_are_there(whole: Path, sd15_folder: Path) -> None:
    base = load_base(sd15_folder)
    controlnet = first_controlnet(base, 3, 0, str(whole / "controlnet"))
    assert same_weights(controlnet.state_dict(), weights.load(whole / "controlnet", base).state_dict())
    assert all(parameter.requires_grad for parameter in controlnet.parameters())
    assert not any(parameter.requires_grad for parameter in base.unet.parameters())


def test_the_run_tells_its_start_and_begins_with_its_gain(train: Train, whole: Path, tmp_path: Path) -> None:
    start = str(whole / "controlnet")
    assert train(tmp_path / "on", "--start", start, "--condition", "hed") == 0
    rows = (tmp_path / "on" / "gain.csv").read_text().splitlines()
    assert float(rows[1].split(",")[4]) != 0
    about = json.loads((tmp_path / "on" / "controlnet" / "zeroconv.json").read_text())
    assert about["training"]["start"] == start
    assert start in (tmp_path / "on" / "controlnet" / "README.md").read_text()


def test_it_is_resumed_bitwise_without_naming_the_start_again(train: Train, whole: Path, tmp_path: Path) -> None:
    start = ("--start", str(whole / "controlnet"))
    assert train(tmp_path / "one", *start, "--decay", "0") == 0
    assert train(tmp_path / "two", *start, "--decay", "0", "--steps", "2") == 0
    assert train(tmp_path / "two", "--resume", "--steps", "4") == 0
    assert same_weights(load_file(tmp_path / "one" / WEIGHTS), load_file(tmp_path / "two" / WEIGHTS))
    assert not same_weights(load_file(tmp_path / "one" / WEIGHTS), load_file(whole / WEIGHTS))


def test_another_start_is_another_run(
    train: Train, whole: Path, copy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train(copy, "--resume", "--steps", "6", "--start", str(whole / "controlnet")) == 2
    assert "was started with start" in capsys.readouterr().err


def test_a_start_that_does_not_fit_is_one_sentence(whole: Path, sd15_folder: Path, sdxl_folder: Path) -> None:
    with pytest.raises(UserError, match="channels"):
        first_controlnet(load_base(sd15_folder), 4, 0, str(whole / "controlnet"))
    with pytest.raises(UserError):
        first_controlnet(load_base(sdxl_folder), 3, 0, str(whole / "controlnet"))
    with pytest.raises(UserError, match="no ControlNet"):
        first_controlnet(load_base(sd15_folder), 3, 0, "nowhere")


def test_the_seed_decides_a_fresh_one(sd15_folder: Path) -> None:
    base = load_base(sd15_folder)
    torch.manual_seed(1)
    expected = torch.rand(2)
    torch.manual_seed(1)
    first, again, other = (first_controlnet(base, 3, seed, None) for seed in (1, 1, 2))
    assert torch.equal(torch.rand(2), expected)
    assert same_weights(first.state_dict(), again.state_dict())
    assert not same_weights(first.state_dict(), other.state_dict())
    assert all(not torch.count_nonzero(layer.weight) for layer in first.zero_convolutions)
