"""Noise or velocity: asked for, said by the file, or seen in the answer to pure noise."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from zeroconv.base import BaseModel, load_base
from zeroconv.base.single_file.prediction import guess_prediction
from zeroconv.errors import UserError


@pytest.fixture(scope="module")
def tiny() -> BaseModel:
    return load_base("tiny")


def test_a_trained_network_shows_what_it_predicts(tiny: BaseModel) -> None:
    """The embedded base predicts velocity; the noise that follows from it is what a predictor of noise would say."""
    text, last = tiny.encode_text(["a red sphere"]), torch.tensor([980])
    alpha = tiny.alphas_cumprod[980]

    def velocity(latents: Tensor) -> Tensor:
        return tiny.predict_noise(latents, last, text)

    def noise(latents: Tensor) -> Tensor:
        return alpha**0.5 * velocity(latents) + (1 - alpha) ** 0.5 * latents

    assert guess_prediction(velocity, tiny.latent_channels)[0] == "v_prediction"
    found, reason = guess_prediction(noise, tiny.latent_channels)
    assert found == "epsilon" and "pure noise" in reason


def test_the_order_of_what_is_believed(files: dict[str, Path], tokenizer: Path, tmp_path: Path) -> None:
    base = load_base(files["sd21"], tokenizer=tokenizer)
    assert any("pure noise" in note and "--prediction" in note for note in base.notes)
    assert load_base(files["sd21"], tokenizer=tokenizer, prediction="epsilon").prediction_type == "epsilon"
    assert len(load_base(files["sd15"], tokenizer=tokenizer).notes) == 1
    state = load_file(files["sd15"])
    save_file(state, tmp_path / "said.safetensors", {"modelspec.prediction_type": "v"})
    said = load_base(tmp_path / "said.safetensors", tokenizer=tokenizer)
    assert said.prediction_type == "v_prediction" and "metadata says 'v'" in said.notes[1]
    save_file(state | {"v_pred": torch.empty(0), "ztsnr": torch.empty(0)}, tmp_path / "marked.safetensors")
    marked = load_base(tmp_path / "marked.safetensors", tokenizer=tokenizer)
    assert marked.prediction_type == "v_prediction" and "v_pred" in marked.notes[1]
    assert marked.alphas_cumprod[-1] < 1e-6


def test_a_folder_that_says_it_wrongly(sd15_folder: Path) -> None:
    assert load_base(sd15_folder).prediction_type == "epsilon"
    assert load_base(sd15_folder, prediction="v_prediction").prediction_type == "v_prediction"
    with pytest.raises(UserError, match=r"unknown prediction 'velocity'; .*known: epsilon, v_prediction"):
        load_base(sd15_folder, prediction="velocity")
