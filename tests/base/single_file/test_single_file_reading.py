"""A base in a single file is the base it was, to the bit, and what it lacks is said."""

import socket
import sys
import types
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import StableDiffusionPipeline, StableDiffusionXLPipeline
from safetensors.torch import load_file, save_file
from torch import Tensor

from singlefiles import FAMILIES, golden, narrow_base, write_file
from zeroconv.base import BaseModel, load_base
from zeroconv.base.saving import network_state, save_base
from zeroconv.base.single_file.layout import layout_of
from zeroconv.errors import UserError

PARTS = ("unet", "vae", "text_encoder", "text_encoder_2")


def parts_of(base: BaseModel) -> dict[str, Any]:
    return dict(zip(PARTS, (base.unet, base.vae, *base.text_encoders), strict=False))


def same(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[key], other[key]) for key in one)


@pytest.mark.parametrize("family", FAMILIES)
def test_every_weight_comes_back_without_a_network(
    family: str,
    narrow: dict[str, BaseModel],
    files: dict[str, Path],
    tokenizer: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def no_network(*_: object) -> None:
        raise AssertionError("the network was asked")

    monkeypatch.setattr(socket.socket, "connect", no_network)
    base = load_base(files[family], tokenizer=tokenizer, prediction="epsilon")
    expected = narrow[family]
    for one, other in zip(parts_of(base).values(), parts_of(expected).values(), strict=True):
        assert same(network_state(one), network_state(other))
        assert not one.training and not any(parameter.requires_grad for parameter in one.parameters())
    prompts = ["a red house", ""]
    mine, theirs = base.encode_text(prompts), expected.encode_text(prompts)
    assert torch.equal(mine.tokens, theirs.tokens) and not torch.equal(mine.tokens[0], mine.tokens[1])
    assert mine.pooled is None or (theirs.pooled is not None and torch.equal(mine.pooled, theirs.pooled))
    assert base.fingerprint() == expected.fingerprint()
    assert base.zeros_for_no_negative == (family == "sdxl")


@pytest.mark.parametrize("family", FAMILIES)
def test_diffusers_reads_the_same(family: str, files: dict[str, Path], tokenizer: Path, tmp_path: Path) -> None:
    base = load_base(files[family], tokenizer=tokenizer, prediction="v_prediction" if family == "sd21" else "epsilon")
    folder = save_base(base, tmp_path / "folder")
    again = load_base(folder)
    assert again.prediction_type == base.prediction_type and again.fingerprint() == base.fingerprint()
    assert torch.equal(again.encode_text(["a house"]).tokens, base.encode_text(["a house"]).tokens)
    kind = StableDiffusionXLPipeline if family == "sdxl" else StableDiffusionPipeline
    options = {} if family == "sdxl" else {"safety_checker": None}
    pipeline = kind.from_single_file(str(files[family]), config=str(folder), local_files_only=True, **options)
    for name, network in parts_of(base).items():
        assert same(getattr(pipeline, name).state_dict(), network.state_dict()), name


@pytest.mark.parametrize("family", FAMILIES)
def test_the_released_files_have_the_families_configs(family: str) -> None:
    from diffusers import UNet2DConditionModel

    from zeroconv.base.families import FULL_SIZE

    layout = layout_of(golden(family), Path(f"{family}.safetensors"))
    assert (layout.family, layout.missing, layout.odd) == (family, (), ())
    with torch.device("meta"):
        mine, theirs = (UNet2DConditionModel(**config) for config in (layout.unet, FULL_SIZE[family]))
    assert {key: value.shape for key, value in mine.state_dict().items()} == {
        key: value.shape for key, value in theirs.state_dict().items()
    }
    heads = [[module.heads for module in net.modules() if hasattr(module, "heads")] for net in (mine, theirs)]
    assert heads[0] == heads[1]


def test_an_inpainting_file_needs_nothing_but_its_channels(tokenizer: Path, tmp_path: Path) -> None:
    expected = narrow_base("sd15", in_channels=9)
    base = load_base(write_file(expected, tmp_path / "inpainting.ckpt"), tokenizer=tokenizer)
    assert base.unet.config.in_channels == 9 and base.fingerprint() == expected.fingerprint()


def test_half_precision_and_trainers_leftovers(files: dict[str, Path], tokenizer: Path, tmp_path: Path) -> None:
    """A .ckpt as Lightning writes it: buffers, a moving average, and an object of the trainer, never made."""
    name = "pytorch_lightning.callbacks.model_checkpoint"
    parents = ["pytorch_lightning", "pytorch_lightning.callbacks", name]
    modules = {parent: types.ModuleType(parent) for parent in parents}
    kind = type("ModelCheckpoint", (), {"__module__": name, "__init__": lambda self: pytest.fail("was made")})
    modules[name].ModelCheckpoint = kind  # type: ignore[attr-defined]
    sys.modules.update(modules)
    try:
        callback = object.__new__(kind)
        callback.best = torch.ones(2)
        state = {key: value.half() for key, value in load_file(files["sd15"]).items()}
        state |= {"betas": torch.ones(3), "model_ema.decay": torch.ones(()), "strange.weight": torch.ones(1)}
        torch.save({"state_dict": state, "callbacks": {kind: callback}, "epoch": 3}, tmp_path / "half.ckpt")
    finally:
        for parent in parents:
            del sys.modules[parent]
    base = load_base(tmp_path / "half.ckpt", tokenizer=tokenizer)
    assert base.dtype == torch.float32 and name not in sys.modules
    assert torch.equal(base.unet.conv_in.weight, state["model.diffusion_model.input_blocks.0.0.weight"].float())
    assert any("1 of its weights belong to no base" in note and "strange.weight" in note for note in base.notes)


def test_early_files_leave_a_word_out(files: dict[str, Path], tokenizer: Path, tmp_path: Path) -> None:
    state = {key.replace("transformer.text_model.", "transformer."): v for key, v in load_file(files["sd15"]).items()}
    save_file(state, tmp_path / "early.safetensors")
    base, usual = (load_base(file, tokenizer=tokenizer) for file in (tmp_path / "early.safetensors", files["sd15"]))
    assert same(network_state(base.text_encoders[0]), network_state(usual.text_encoders[0]))


@pytest.mark.parametrize(
    ("family", "without", "message"),
    [
        ("sd15", "first_stage_model.", "has no autoencoder, so that"),
        ("sd15", "cond_stage_model.", "has no text encoder, so that"),
        ("sdxl", "conditioner.embedders.1.", "has no second text encoder"),
        ("sdxl", ("first_stage_model.", "conditioner."), "no autoencoder and no first text encoder and no second"),
        ("sd15", "model.diffusion_model.", "expected a U-Net under model.diffusion_model"),
        ("sd15", "model.diffusion_model.middle_block.1.norm.weight", "the U-Net lacks 1 of its weights"),
        ("sd15", "first_stage_model.decoder.mid.attn_1.q.bias", "the autoencoder lacks 1 of its weights"),
        ("sd15", "cond_stage_model.transformer.text_model.final_layer_norm.bias", "text encoder lacks 1"),
    ],
)
def test_a_missing_part_is_one_sentence(
    family: str, without: Any, message: str, files: dict[str, Path], tokenizer: Path, tmp_path: Path
) -> None:
    state = {key: value for key, value in load_file(files[family]).items() if not key.startswith(without)}
    save_file(state, tmp_path / "cut.safetensors")
    with pytest.raises(UserError, match=message) as caught:
        load_base(tmp_path / "cut.safetensors", tokenizer=tokenizer, prediction="epsilon")
    assert "\n" not in str(caught.value) and "cut.safetensors" in str(caught.value)


@pytest.mark.parametrize(
    ("key", "shape", "message"),
    [
        ("input_blocks.0.0.weight", (320, 5, 3, 3), "a depth-to-image base: its U-Net reads 5 channels"),
        ("input_blocks.0.0.weight", (320, 8, 3, 3), "InstructPix2Pix"),
        ("label_emb.0.0.weight", (1280, 2560), "refiner of SDXL"),
    ],
)
def test_bases_of_other_kinds_are_refused_by_name(key: str, shape: tuple[int, ...], message: str) -> None:
    state = golden("sdxl" if "label" in key else "sd21")
    state[f"model.diffusion_model.{key}"] = torch.empty(shape, device="meta")
    with pytest.raises(UserError, match=message):
        layout_of(state, Path("other.safetensors"))


def test_a_controlnet_is_no_base(tmp_path: Path) -> None:
    save_file({"control_model.input_hint_block.0.weight": torch.ones(1)}, tmp_path / "control.safetensors")
    with pytest.raises(UserError, match=r"control\.safetensors cannot be a base: .* got a ControlNet\."):
        load_base(tmp_path / "control.safetensors")
