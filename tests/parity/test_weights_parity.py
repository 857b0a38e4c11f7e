"""Files go to diffusers and come from it without a lost bit, and so they do in the original layout."""

import json
import logging
from copy import deepcopy
from pathlib import Path

import pytest
import torch
from diffusers import ControlNetModel, UNet2DConditionModel
from diffusers.loaders.single_file_utils import convert_controlnet_checkpoint
from safetensors.torch import save_file
from torch import Tensor

from networks import (
    SHARED_KINDS,
    as_theirs,
    random_condition,
    random_latents,
    random_text,
    small_base,
    small_controlnet,
    small_unet,
)
from zeroconv.base.families import FULL_SIZE, family_of
from zeroconv.base.shapes import encoder_of_shapes
from zeroconv.control import ControlNet
from zeroconv.weights import as_diffusers, load, save, to_diffusers, to_original
from zeroconv.weights.architecture import _parameters
from zeroconv.weights.keys import diffusers_to_ours, from_original, ours_to_diffusers, to_original_keys

TIMESTEPS = torch.tensor([7, 801])
ORIGINAL_KINDS = ("sd15", "sd21", "sdxl", "inpainting", "no attention", "one level")


def full_size(family: str) -> ControlNet:
    """A ControlNet of the real size whose weights are on the meta device."""
    with torch.device("meta"):
        return ControlNet(UNet2DConditionModel(sample_size=64, **FULL_SIZE[family]))


@torch.no_grad()
def outputs(net: ControlNet | ControlNetModel, unet: UNet2DConditionModel) -> tuple[Tensor, ...]:
    text, latents, condition = random_text(unet), random_latents(unet), random_condition()
    labels = torch.tensor([1, 4]) if unet.config.num_class_embeds else None
    if isinstance(net, ControlNet):
        return net(latents, TIMESTEPS, text, condition, class_labels=labels).residuals
    added = {"text_embeds": text.pooled, "time_ids": text.sizes}
    skips, middle = net(
        latents, TIMESTEPS, text.tokens, condition, class_labels=labels, added_cond_kwargs=added, return_dict=False
    )
    return (*skips, middle)


def assert_same(mine: tuple[Tensor, ...], theirs: tuple[Tensor, ...]) -> None:
    assert len(mine) == len(theirs)
    for one, other in zip(mine, theirs, strict=True):
        assert torch.equal(one, other.expand_as(one))
        assert one.abs().max() > 0


@pytest.mark.parametrize(("kind", "global_pool"), [("sd15", True), *((kind, False) for kind in SHARED_KINDS)])
def test_diffusers_loads_what_we_save(
    kind: str, global_pool: bool, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    base = small_base(kind)
    mine = small_controlnet(base.unet, global_pool=global_pool)
    folder = save(mine, base, tmp_path / "net")
    with caplog.at_level(logging.WARNING):
        theirs, report = ControlNetModel.from_pretrained(folder, low_cpu_mem_usage=False, output_loading_info=True)
    assert not any(report.values()), report
    assert not caplog.records
    # A copy, for diffusers computes on the mapped file: weights at odd addresses change a sum's last bit.
    assert_same(outputs(mine, base.unet), outputs(deepcopy(theirs), base.unet))
    assert all(torch.equal(value, theirs.state_dict()[key]) for key, value in to_diffusers(mine).items())


@pytest.mark.parametrize("kind", SHARED_KINDS)
def test_the_config_has_exactly_diffusers_keys(kind: str, tmp_path: Path) -> None:
    base = small_base(kind)
    folder = save(small_controlnet(base.unet), base, tmp_path / "net")
    config = json.loads((folder / "config.json").read_text())
    assert config.pop("_class_name") == "ControlNetModel"
    assert config.pop("_diffusers_version")
    assert config.keys() == _parameters("ControlNetModel").keys()


@pytest.mark.parametrize("kind", SHARED_KINDS)
def test_we_load_what_diffusers_saves(kind: str, tmp_path: Path) -> None:
    base = small_base(kind)
    theirs = as_theirs(small_controlnet(base.unet), base.unet)
    theirs.save_pretrained(tmp_path)
    mine = load(tmp_path, base)
    assert_same(outputs(mine, base.unet), outputs(theirs, base.unet))
    assert not mine.training and all(parameter.requires_grad for parameter in mine.parameters())


@pytest.mark.parametrize("kind", SHARED_KINDS)
def test_our_own_folder_comes_back(kind: str, tmp_path: Path) -> None:
    base = small_base(kind)
    mine = small_controlnet(base.unet, condition_channels=3)
    again = load(save(mine, base, tmp_path / "net"), base)
    assert all(torch.equal(value, again.state_dict()[key]) for key, value in mine.state_dict().items())
    assert_same(outputs(mine, base.unet), outputs(again, base.unet))


@pytest.mark.parametrize("kind", SHARED_KINDS)
def test_as_diffusers_runs_and_shares(kind: str) -> None:
    unet = small_unet(kind)
    mine = small_controlnet(unet)
    theirs = as_diffusers(mine)
    assert_same(outputs(mine, unet), outputs(theirs, unet))
    ours = {ours_to_diffusers(key): parameter for key, parameter in mine.named_parameters()}
    assert all(parameter is ours[key] for key, parameter in theirs.named_parameters())
    assert ours.keys() == dict(theirs.named_parameters()).keys()


def test_what_trains_here_is_seen_in_diffusers() -> None:
    unet = small_unet("sd15")
    mine = small_controlnet(unet)
    theirs = as_diffusers(mine)
    before = outputs(theirs, unet)
    optimizer = torch.optim.SGD(mine.parameters(), lr=0.01)
    control = mine(random_latents(unet), TIMESTEPS, random_text(unet), random_condition())
    sum(residual.square().mean() for residual in control.residuals).backward()
    optimizer.step()
    after = outputs(theirs, unet)
    assert all(not torch.equal(one, other) for one, other in zip(before, after, strict=True))
    assert_same(outputs(mine, unet), after)


@pytest.mark.parametrize(
    ("kind", "prefix", "suffix"),
    [
        ("sd15", "", ".pth"),
        ("sdxl", "", ".pth"),
        *((kind, "control_model.", ".safetensors") for kind in ORIGINAL_KINDS),
    ],
)
def test_the_original_layout_goes_and_comes(kind: str, prefix: str, suffix: str, tmp_path: Path) -> None:
    base = small_base(kind)
    mine = small_controlnet(base.unet)
    state = to_original(mine, prefix)
    assert len(state) == len(mine.state_dict())
    file = tmp_path / f"net{suffix}"
    save_file(state, file) if suffix == ".safetensors" else torch.save(state, file)
    again = load(file, base)
    assert again.state_dict().keys() == mine.state_dict().keys()
    assert all(torch.equal(value, again.state_dict()[key]) for key, value in mine.state_dict().items())
    assert_same(outputs(mine, base.unet), outputs(again, base.unet))


@pytest.mark.parametrize("kind", ["sd15", "sd21"])
def test_the_original_layout_is_what_diffusers_converter_reads(kind: str) -> None:
    mine = small_controlnet(small_unet(kind))
    config = {"layers_per_block": 2, "down_block_types": mine.unet_config["down_block_types"]}
    converted = convert_controlnet_checkpoint(to_original(mine), config)
    expected = to_diffusers(mine)
    assert converted.keys() == expected.keys()
    assert all(torch.equal(value, expected[key]) for key, value in converted.items())


@pytest.mark.parametrize("kind", ["sd15", "sd21", "sdxl"])
def test_a_bare_file_in_diffusers_layout_loads(kind: str, tmp_path: Path) -> None:
    base = small_base(kind)
    mine = small_controlnet(base.unet)
    save_file(to_diffusers(mine), tmp_path / "net.safetensors")
    assert_same(outputs(mine, base.unet), outputs(load(tmp_path / "net.safetensors", base), base.unet))


def test_a_controlnet_that_reads_bgr_is_turned_round(tmp_path: Path) -> None:
    base = small_base("sd15")
    theirs = as_theirs(small_controlnet(base.unet), base.unet)
    theirs.register_to_config(controlnet_conditioning_channel_order="bgr")
    theirs.save_pretrained(tmp_path)
    mine = load(tmp_path, base)
    for one, other in zip(outputs(mine, base.unet), outputs(theirs, base.unet), strict=True):
        assert torch.allclose(one, other, atol=1e-5)


@pytest.mark.parametrize(
    ("family", "tensors", "parameters"),
    [("sd15", 340, 361_279_120), ("sd21", 340, 364_228_240), ("sdxl", 844, 1_251_014_160)],
)
def test_the_full_sizes(family: str, tensors: int, parameters: int) -> None:
    net = full_size(family)
    state = {ours_to_diffusers(key): value for key, value in net.state_dict().items()}
    assert sum(parameter.numel() for parameter in net.parameters()) == parameters
    assert len(state) == tensors
    original, unknown = to_original_keys(state)
    assert not unknown and len(original) == tensors
    back, unknown = from_original(original)
    assert not unknown and back.keys() == state.keys()
    assert all(back[key] is state[key] for key in state)
    assert {diffusers_to_ours(key) for key in state} == set(net.state_dict())
    assert family_of(encoder_of_shapes(state)) == family
    with torch.device("meta"):
        expected = ControlNetModel.from_unet(UNet2DConditionModel(**FULL_SIZE[family]), load_weights_from_unet=False)
    assert {key: value.shape for key, value in state.items()} == {k: v.shape for k, v in expected.state_dict().items()}


def test_the_released_key_names() -> None:
    """Names in the released SD 1.5 .pth files, one of each kind, with their shapes."""
    state = {ours_to_diffusers(key): value for key, value in full_size("sd15").state_dict().items()}
    original = {key: tuple(value.shape) for key, value in to_original_keys(state)[0].items()}
    known = {
        "time_embed.0.weight": (1280, 320),
        "time_embed.2.bias": (1280,),
        "input_blocks.0.0.weight": (320, 4, 3, 3),
        "input_blocks.1.0.in_layers.0.weight": (320,),
        "input_blocks.1.0.in_layers.2.weight": (320, 320, 3, 3),
        "input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight": (320, 768),
        "input_blocks.3.0.op.weight": (320, 320, 3, 3),
        "input_blocks.4.0.skip_connection.weight": (640, 320, 1, 1),
        "input_blocks.8.1.proj_in.weight": (1280, 1280, 1, 1),
        "input_blocks.9.0.op.bias": (1280,),
        "input_blocks.10.0.emb_layers.1.weight": (1280, 1280),
        "input_blocks.11.0.out_layers.3.weight": (1280, 1280, 3, 3),
        "middle_block.0.out_layers.0.bias": (1280,),
        "middle_block.1.transformer_blocks.0.ff.net.0.proj.weight": (10240, 1280),
        "middle_block.2.in_layers.2.weight": (1280, 1280, 3, 3),
        "zero_convs.0.0.weight": (320, 320, 1, 1),
        "zero_convs.11.0.bias": (1280,),
        "middle_block_out.0.weight": (1280, 1280, 1, 1),
        "input_hint_block.0.weight": (16, 3, 3, 3),
        "input_hint_block.4.weight": (32, 16, 3, 3),
        "input_hint_block.12.weight": (256, 96, 3, 3),
        "input_hint_block.14.weight": (320, 256, 3, 3),
    }
    assert {key: original.get(key) for key in known} == known
    assert not any(key.startswith("input_blocks.12.") for key in original)
