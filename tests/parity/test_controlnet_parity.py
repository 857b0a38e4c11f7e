"""The same weights give bitwise the same residuals in diffusers' ControlNetModel."""

from copy import deepcopy

import pytest
import torch
from diffusers import ControlNetModel, UNet2DConditionModel
from torch import Tensor

from networks import (
    SHARED_KINDS,
    as_theirs,
    random_condition,
    random_latents,
    random_text,
    randomise_zero_convolutions,
    small_controlnet,
    small_unet,
)
from zeroconv.control import Control, ControlNet, Text

TIMESTEPS = torch.tensor([7, 801])


@pytest.fixture(params=SHARED_KINDS)
def unet(request: pytest.FixtureRequest) -> UNet2DConditionModel:
    return small_unet(request.param)


def labels(unet: UNet2DConditionModel) -> Tensor | None:
    return torch.tensor([1, 4]) if unet.config.num_class_embeds else None


@torch.no_grad()
def our_control(net: ControlNet, unet: UNet2DConditionModel, condition: Tensor, timesteps: Tensor) -> Control:
    return net(random_latents(unet), timesteps, random_text(unet), condition, class_labels=labels(unet))


@torch.no_grad()
def their_residuals(
    net: ControlNetModel, unet: UNet2DConditionModel, condition: Tensor, timesteps: Tensor
) -> tuple[Tensor, ...]:
    text = random_text(unet)
    skips, middle = net(
        random_latents(unet),
        timesteps,
        text.tokens,
        condition,
        class_labels=labels(unet),
        added_cond_kwargs={"text_embeds": text.pooled, "time_ids": text.sizes},
        return_dict=False,
    )
    return (*skips, middle)


def assert_bitwise_equal(control: Control, expected: tuple[Tensor, ...]) -> None:
    assert len(control.residuals) == len(expected)
    for mine, theirs in zip(control.residuals, expected, strict=True):
        assert mine.shape == theirs.shape
        assert torch.equal(mine, theirs)
        assert mine.abs().max() > 1e-4, "a silent residual cannot show a wrong wiring"


def test_residuals_are_bitwise_equal(unet: UNet2DConditionModel) -> None:
    net = small_controlnet(unet)
    theirs = as_theirs(net, unet)
    condition = random_condition()
    for timesteps in (TIMESTEPS, torch.tensor(500)):
        expected = their_residuals(theirs, unet, condition, timesteps)
        assert_bitwise_equal(our_control(net, unet, condition, timesteps), expected)


def test_a_copy_starts_as_diffusers_copy_starts(unet: UNet2DConditionModel) -> None:
    ours = as_theirs(ControlNet(unet), unet).state_dict()
    theirs = ControlNetModel.from_unet(unet).state_dict()
    assert ours.keys() == theirs.keys()
    for key, value in theirs.items():
        if not key.startswith("controlnet_cond_embedding."):
            assert torch.equal(ours[key], value), key


@pytest.mark.parametrize(("factor", "channels"), [(1, 3), (2, 4), (4, 3), (8, 1)])
def test_latent_factors_and_condition_channels(factor: int, channels: int) -> None:
    unet = small_unet("sd15")
    net = ControlNet(unet, factor=factor, condition_channels=channels).eval()
    randomise_zero_convolutions(net)
    condition = random_condition(size=8 * factor, channels=channels)
    expected = their_residuals(as_theirs(net, unet), unet, condition, TIMESTEPS)
    assert_bitwise_equal(our_control(net, unet, condition, TIMESTEPS), expected)


def test_global_pool_has_their_means() -> None:
    unet = small_unet("sd15")
    net = small_controlnet(unet, global_pool=True)
    condition = random_condition()
    control = our_control(net, unet, condition, TIMESTEPS)
    expected = their_residuals(as_theirs(net, unet), unet, condition, TIMESTEPS)
    for mine, theirs in zip(control.residuals, expected, strict=True):
        assert theirs.shape[-2:] == (1, 1)
        assert torch.equal(mine, theirs.expand_as(mine))


def test_half_precision_runs_in_the_same_numbers() -> None:
    unet = deepcopy(small_unet("sd15")).to(torch.bfloat16)
    net = small_controlnet(unet)
    text, latents, condition = random_text(unet), random_latents(unet), random_condition()
    with torch.no_grad():
        control = net(latents.bfloat16(), TIMESTEPS, text.to(dtype=torch.bfloat16), condition.bfloat16())
        theirs = as_theirs(net, unet).to(torch.bfloat16)
        skips, middle = theirs(
            latents.bfloat16(), TIMESTEPS, text.tokens.bfloat16(), condition.bfloat16(), return_dict=False
        )
    assert control.middle.dtype == torch.bfloat16
    assert_bitwise_equal(control, (*skips, middle))


def test_the_text_reaches_every_attention(unet: UNet2DConditionModel) -> None:
    """Guards the tests above: were the text ignored on both sides, they could not see it."""
    if not any(getattr(block, "has_cross_attention", False) for block in unet.down_blocks):
        pytest.skip("a U-Net without attention reads no text")
    net = small_controlnet(unet)
    text = random_text(unet)
    arguments = (random_latents(unet), TIMESTEPS)
    other = Text(text.tokens.flip(1), text.pooled, text.sizes)
    with torch.no_grad():
        control = net(*arguments, text, random_condition(), class_labels=labels(unet))
        changed = net(*arguments, other, random_condition(), class_labels=labels(unet))
    assert not torch.equal(control.middle, changed.middle)
