"""Control-LoRAs and differences: whole with their base, to the bit what was taken apart; refused on another."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from networks import random_condition, random_latents, random_text, small_base, small_controlnet
from singlefiles import golden
from zeroconv.base import BaseModel
from zeroconv.control import ControlNet
from zeroconv.errors import UserError
from zeroconv.weights import describe, load, to_diffusers, to_original
from zeroconv.weights.architecture import config_of_shapes
from zeroconv.weights.completion import full_shapes
from zeroconv.weights.loading import canonical

KINDS = ("sd15", "sd21", "sdxl")


def to_difference(net: ControlNet, base: BaseModel) -> dict[str, Tensor]:
    """As webui's extension extracts it: what is the base's, taken off."""
    unet = base.unet.state_dict()
    changes = {key: value - unet[key] for key, value in to_diffusers(net).items() if key in unet}
    names = dict(zip(to_diffusers(net), to_original(net), strict=True))
    return {**to_original(net), **{names[key]: value for key, value in changes.items()}, "difference": torch.zeros(())}


def to_low_rank(net: ControlNet, base: BaseModel, rank: int = 3) -> dict[str, Tensor]:
    """As Stability AI's files: products for the matrices, biases and all that is new as they are, norms left out."""
    torch.manual_seed(5)
    unet, state = base.unet.state_dict(), net.state_dict()
    names = dict(zip(to_diffusers(net), to_original(net, ""), strict=True))
    found: dict[str, Tensor] = {"lora_controlnet": torch.tensor([])}
    with torch.no_grad():
        for key, original in names.items():
            if key not in unet:
                found[original] = to_diffusers(net)[key]
            elif key.endswith(".weight") and unet[key].ndim > 1:
                rows, *rest = unet[key].shape
                up, down = torch.randn(rows, rank), 0.1 * torch.randn(rank, *rest)
                stem = original.removesuffix(".weight")
                found |= {f"{stem}.up": up, f"{stem}.down": down}
                state[key].copy_(unet[key] + (up @ down.flatten(1)).reshape(unet[key].shape))
            elif key.endswith(".weight"):
                state[key].copy_(unet[key])
            else:
                found[original] = state[key].clone()
    return found


def residuals(net: ControlNet, base: BaseModel) -> tuple[Tensor, ...]:
    with torch.no_grad():
        inputs = random_latents(base.unet), torch.tensor([7, 801]), random_text(base.unet), random_condition()
        return net(*inputs).residuals


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("take_apart", [to_difference, to_low_rank])
def test_with_its_base_it_is_whole(kind: str, take_apart: object, tmp_path: Path) -> None:
    base = small_base(kind)
    net = small_controlnet(base.unet, seed=3)
    torch.nn.init.normal_(net.time_embedding.linear_1.bias)
    file = tmp_path / "net.safetensors"
    save_file({key: value.clone() for key, value in take_apart(net, base).items()}, file)  # type: ignore[operator]
    found = load(file, base)
    for mine, theirs in zip(residuals(found, base), residuals(net, base), strict=True):
        torch.testing.assert_close(mine, theirs, atol=1e-6, rtol=1e-5)
    layout = "difference to a base" if take_apart is to_difference else "Control-LoRA"
    assert describe(file).layout.startswith(layout)
    with pytest.raises(UserError, match=r"this ControlNet was made for .*, the base .* is "):
        load(file, small_base("sd15" if kind == "sdxl" else "sdxl"))


def test_a_released_control_lora_is_known(tmp_path: Path) -> None:
    """Names and shapes of control-lora-canny-rank256: all of SDXL's encoder in two, with its biases."""
    whole = {key.removeprefix("control_model."): value for key, value in golden("controlnet-sdxl").items()}
    state = {"lora_controlnet": torch.empty(0, device="meta")}
    for key, value in whole.items():
        stem, copied = key.removesuffix(".weight"), not key.startswith(("zero_convs", "input_hint", "middle_block_out"))
        if copied and key.endswith(".weight") and value.ndim > 1:
            state[f"{stem}.up"] = torch.empty(value.shape[0], 256, device="meta")
            state[f"{stem}.down"] = torch.empty(256, *value.shape[1:], device="meta")
        else:
            state[key] = value
    found = full_shapes(canonical(state, tmp_path))
    config = config_of_shapes(found, {})
    assert config["cross_attention_dim"] == 2048 and config["addition_embed_type"] == "text_time"
    assert config["transformer_layers_per_block"] == [1, 2, 10] and len(found) == 845
