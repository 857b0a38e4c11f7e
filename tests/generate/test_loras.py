"""LoRA on the base: what diffusers makes of the same file, and one sentence for what does not fit."""

import sys
from copy import deepcopy
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from helpers_generate import largest_difference
from lora_files import QUERIES, RANK, write_lora
from networks import random_latents, random_text
from tinybases import pipeline_of
from zeroconv.base import BaseModel, load_base
from zeroconv.base.hashing import weights_hash
from zeroconv.errors import UserError
from zeroconv.generate import Request, generate
from zeroconv.generate.loras import check_lora, with_loras
from zeroconv.request.lora import Lora, parse_lora

KOHYAS = {
    "unet": ("to_q", "to_k", "to_v", "to_out.0", "ff.net.0.proj", "ff.net.2"),
    "text_encoder": ("q_proj", "k_proj", "v_proj", "out_proj", "fc1", "fc2"),
}
"""The layers that kohya's scripts train."""


@pytest.fixture(scope="module")
def base(sd15_folder: Path) -> BaseModel:
    return load_base(sd15_folder)


def in_kohyas_layout(file: Path, path: Path, alpha: float) -> Path:
    """The same LoRA as kohya's scripts write it: names with underscores, strength alpha over rank."""
    parts = {"unet.": "lora_unet_", "text_encoder.": "lora_te_"}
    sides = {".lora_A.weight": ".lora_down.weight", ".lora_B.weight": ".lora_up.weight"}
    state: dict[str, torch.Tensor] = {}
    for key, value in load_file(file).items():
        part, side = (next(start for start in names if start in key) for names in (parts, sides))
        name = key.removeprefix(part).removesuffix(side)
        if part == "text_encoder." and not name.startswith("text_model."):  # as transformers named it until 5.5
            name = f"text_model.{name}"
        layer = parts[part] + name.replace(".", "_")
        state[layer + sides[side]] = value * RANK / alpha if side == ".lora_A.weight" else value
        state[f"{layer}.alpha"] = torch.tensor(alpha)
    save_file(state, path)
    return path


@torch.no_grad()
@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")
@pytest.mark.parametrize("alpha", [1.0, 8.0])
def test_kohyas_layout_and_its_alpha(base: BaseModel, tmp_path: Path, alpha: float) -> None:
    pytest.importorskip("peft")
    plain = write_lora(base, tmp_path / "lora.safetensors", KOHYAS)
    kohya = in_kohyas_layout(plain, tmp_path / "kohya.safetensors", alpha)
    one, other = (with_loras(base, (Lora(file, 0.1),)) for file in (plain, kohya))
    latents, text, time = random_latents(base.unet), random_text(base.unet), torch.tensor(300)
    torch.testing.assert_close(
        other.predict_noise(latents, time, text), one.predict_noise(latents, time, text), atol=1e-4, rtol=1e-4
    )
    states = [each.encode_text(["a house"]).tokens for each in (base, one, other)]
    torch.testing.assert_close(states[2], states[1], atol=1e-4, rtol=1e-4)
    assert (states[0] - states[1]).abs().max() > 1e-2
    request = Request("a red house", steps=2, size=(64, 64))
    pictures = [next(generate(base, replace(request, loras=(Lora(file, 0.1),)))) for file in (plain, kohya)]
    assert largest_difference(*pictures) <= 1
    assert largest_difference(pictures[0], next(generate(base, request))) > 8


@torch.no_grad()
@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")
@pytest.mark.parametrize(
    "layers",
    [("q_proj",), ("v_proj", "fc1"), ("fc2",), ("layers.1.self_attn.k_proj",), ("layers.2.self_attn.out_proj",)],
)
@pytest.mark.parametrize("is_kohyas", [True, False])
def test_any_layers_of_the_text_encoder(
    base: BaseModel, tmp_path: Path, layers: tuple[str, ...], is_kohyas: bool
) -> None:
    pytest.importorskip("peft")
    file = write_lora(base, tmp_path / "lora.safetensors", {**QUERIES, "text_encoder": layers})
    state, expected = load_file(file), deepcopy(base.text_encoders[0])
    for name, module in expected.named_modules():
        if name.endswith(layers):
            up, down = (state[f"text_encoder.{name}.lora_{side}.weight"] for side in "BA")
            module.weight += 0.5 * up @ down
    if is_kohyas:
        file = in_kohyas_layout(file, tmp_path / "kohya.safetensors", 1.0)
    merged = with_loras(base, (Lora(file, 0.5),)).text_encoders[0]
    before = base.text_encoders[0].state_dict()
    for key, weight in expected.state_dict().items():
        torch.testing.assert_close(merged.state_dict()[key], weight)
    assert any(not torch.equal(before[key], weight) for key, weight in merged.state_dict().items())


@torch.no_grad()
@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")
def test_several_add_up(base: BaseModel, tmp_path: Path) -> None:
    pytest.importorskip("peft")
    files = [write_lora(base, tmp_path / f"{seed}.safetensors", seed=seed) for seed in (0, 1)]
    loras = (Lora(files[0], 0.5), Lora(files[1], -0.25))
    merged = with_loras(base, loras)
    parts = {"unet": (base.unet, merged.unet), "text_encoder": (base.text_encoders[0], merged.text_encoders[0])}
    for prefix, (network, made) in parts.items():
        expected = deepcopy(network)
        for lora in loras:
            state = load_file(lora.file)
            for name, module in expected.named_modules():
                if f"{prefix}.{name}.lora_A.weight" in state:
                    up, down = (state[f"{prefix}.{name}.lora_{side}.weight"] for side in "BA")
                    module.weight += lora.strength * up @ down
        for key, weight in expected.state_dict().items():
            torch.testing.assert_close(made.state_dict()[key], weight)


@torch.no_grad()
@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")
def test_the_same_as_diffusers(base: BaseModel, sd15_folder: Path, tmp_path: Path) -> None:
    pytest.importorskip("peft")
    file, before = write_lora(base, tmp_path / "lora.safetensors"), weights_hash(base.unet, *base.text_encoders)
    merged = with_loras(base, (Lora(file, 0.6),))
    pipe = pipeline_of("sd15", sd15_folder)
    pipe.load_lora_weights(str(tmp_path), weight_name="lora.safetensors", adapter_name="a")
    pipe.set_adapters(["a"], [0.6])
    latents, text, time = random_latents(base.unet), random_text(base.unet), torch.tensor(300)
    theirs = pipe.unet(latents, time, encoder_hidden_states=text.tokens).sample
    torch.testing.assert_close(merged.predict_noise(latents, time, text), theirs, atol=1e-4, rtol=1e-4)
    states = pipe.encode_prompt("a house", "cpu", 1, False)[0]
    torch.testing.assert_close(merged.encode_text(["a house"]).tokens, states, atol=1e-4, rtol=1e-4)
    assert (base.predict_noise(latents, time, text) - theirs).abs().max() > 1e-2
    assert weights_hash(base.unet, *base.text_encoders) == before, "the base itself is not touched"
    assert [name for name, _ in merged.unet.named_parameters()] == [n for n, _ in base.unet.named_parameters()]
    nothing = with_loras(base, (Lora(file, 0.0),))
    assert torch.equal(nothing.predict_noise(latents, time, text), base.predict_noise(latents, time, text))


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")
def test_what_does_not_fit(base: BaseModel, sdxl_folder: Path, tmp_path: Path) -> None:
    pytest.importorskip("peft")
    (tmp_path / "text.safetensors").write_text("no weights")
    for name, message in [("nothing.safetensors", "no LoRA file"), ("text.safetensors", "not a readable .safetensors")]:
        for refuse in (lambda lora: with_loras(base, (lora,)), lambda lora: check_lora(base, lora)):
            with pytest.raises(UserError, match=message):
                refuse(Lora(tmp_path / name))
    other = write_lora(base, tmp_path / "lora.safetensors", KOHYAS)
    with pytest.raises(UserError, match=r"does not fit the base .*: \d+ of its \d+ layers of the U-Net are not there"):
        with_loras(load_base(sdxl_folder), (Lora(other),))
    with pytest.raises(UserError, match="does not fit the base"):
        with_loras(load_base(sdxl_folder), (Lora(in_kohyas_layout(other, tmp_path / "kohya.safetensors", 1.0)),))
    with pytest.raises(UserError, match="does not fit the base"):
        check_lora(load_base(sdxl_folder), Lora(other))


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")
@pytest.mark.parametrize("folder", ["sd15_folder", "sdxl_folder"])
def test_what_fits_is_found_without_a_copy_of_the_base(
    folder: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    pytest.importorskip("peft")
    base = load_base(request.getfixturevalue(folder))
    before = weights_hash(base.unet, *base.text_encoders)
    file = write_lora(base, tmp_path / "lora.safetensors", KOHYAS)
    check_lora(base, Lora(file))
    state = load_file(file)
    wide = {key: value.repeat(1, 2) if "attn2.to_k.lora_A" in key else value for key, value in state.items()}
    save_file(wide, tmp_path / "wide.safetensors")
    with pytest.raises(UserError, match=r"does not fit the base .*: size mismatch for"):
        check_lora(base, Lora(tmp_path / "wide.safetensors"))
    assert weights_hash(base.unet, *base.text_encoders) == before


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")
def test_other_threads_may_build_networks_meanwhile(
    base: BaseModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("peft")

    def for_all_threads(*_: object) -> None:
        raise AssertionError("every network that is built now has no weights, also in other threads")

    monkeypatch.setattr("peft.tuners.tuners_utils.init_empty_weights", for_all_threads)
    file = write_lora(base, tmp_path / "lora.safetensors")
    assert with_loras(base, (Lora(file),)) is not base


def test_how_it_is_written(tmp_path: Path) -> None:
    assert parse_lora("a.safetensors") == Lora("a.safetensors", 1.0)
    assert parse_lora("a.safetensors:0.5") == Lora("a.safetensors", 0.5)
    assert parse_lora("C:\\a.safetensors") == Lora("C:\\a.safetensors", 1.0)
    with pytest.raises(UserError, match="strength of the LoRA a must be a number"):
        Lora("a", "strong")  # type: ignore[arg-type]


def test_without_peft_one_sentence(base: BaseModel, monkeypatch: pytest.MonkeyPatch) -> None:
    assert with_loras(base, ()) is base
    monkeypatch.setitem(sys.modules, "peft", None)
    with pytest.raises(UserError, match=r"needs the package peft: pip install 'zeroconv\[lora\]'"):
        with_loras(base, (Lora("a.safetensors"),))
