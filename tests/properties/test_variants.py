"""Properties 1 to 3 for every architecture: what each does at the start, and in which order it learns."""

from copy import deepcopy

import pytest
import torch
from test_locked_base import awake, step

from networks import random_condition, random_latents, random_text, small_base, small_controlnet
from zeroconv.base import BaseModel
from zeroconv.control import Control, ControlNet
from zeroconv.errors import UserError
from zeroconv.variants import VARIANTS, variant, variant_of

TIMESTEPS = torch.tensor([7, 801])
FAMILIES = ("sd15", "sdxl", "inpainting", "no attention", "tuples", "no middle", "classes")


def fresh(base: BaseModel, name: str) -> ControlNet:
    torch.manual_seed(0)
    return variant(name)(base.unet, conditioning_channels=(4, 8, 8, 16))


def control_of(net: ControlNet, base: BaseModel, **changes: torch.Tensor) -> Control:
    labels = torch.tensor([1, 3]) if base.unet.config.num_class_embeds else None
    inputs = {"noisy_latents": random_latents(base.unet), "timesteps": TIMESTEPS, "condition": random_condition()}
    with torch.no_grad():
        control: Control = net(text=random_text(base.unet), class_labels=labels, **(inputs | changes))
    return control


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("name", VARIANTS)
def test_it_speaks_to_the_base_as_controlnet_does(name: str, family: str) -> None:
    base = small_base(family)
    expected = control_of(small_controlnet(base.unet), base)
    control = control_of(small_controlnet(base.unet, kind=VARIANTS[name]), base)
    assert [residual.shape for residual in control.residuals] == [r.shape for r in expected.residuals]
    assert control.middle.any() and all(skip.any() == (name != "middle") for skip in control.skips)


@pytest.mark.parametrize("name", VARIANTS)
def test_only_gaussian_joints_change_the_base_at_the_start(name: str) -> None:
    base = small_base("sd15")
    control = control_of(fresh(base, name), base)
    assert {bool(residual.any()) for residual in control.residuals} == {name == "gaussian"}


@pytest.mark.parametrize("name", ["full", "lite", "middle", "modulation"])
def test_gradients_wake_in_order(name: str) -> None:
    base = small_base("sd15")
    net = fresh(base, name)
    parameters = {key for key, _ in net.named_parameters()}
    silent = {key for key in parameters if name == "middle" and key.startswith("zero_convolutions.")}
    joints = {key for key in parameters if "zero_convolution" in key} - silent
    # the vector is zero while the last layer of the encoder is: its own layer's weight wakes with that layer's inside
    last = {"condition_encoder.conv_out.weight", "condition_encoder.conv_out.bias"}
    inside = {key for key in parameters if key.startswith("condition_encoder.")} - last
    inside |= {"modulation.weight"} & parameters

    assert awake(net, base) == joints
    wake(net)
    assert awake(net, base) == parameters - silent - inside
    wake(net)
    assert awake(net, base) == parameters - silent


def wake(net: ControlNet) -> None:
    """One step of those that have a gradient; the joints of the skips have none in "middle"."""
    for parameter in net.parameters():
        parameter.grad = torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
    step(net)


def test_gaussian_joints_learn_all_at_once() -> None:
    base = small_base("sd15")
    net = fresh(base, "gaussian")
    assert awake(net, base) == {key for key, _ in net.named_parameters()}
    joint = net.zero_convolutions[-1].weight
    assert (
        joint.std().item() == pytest.approx(joint[0].numel() ** -0.5, rel=0.1)
        and not net.zero_convolutions[0].bias.any()
    )


def test_lite_has_one_convolution_for_each_block_and_is_small() -> None:
    base = small_base("sd15")
    net, full = fresh(base, "lite"), fresh(base, "full")
    layers = [key for key, _ in net.named_parameters() if key.startswith(("conv_in", "down_blocks", "mid_block"))]
    assert len(layers) == 2 * len(control_of(net, base).residuals)
    assert len(net.state_dict()) == len(layers) + 2 * 13 + sum(k.startswith("condition_e") for k in net.state_dict())
    assert sum(p.numel() for p in net.parameters()) < 0.5 * sum(p.numel() for p in full.parameters())
    assert not torch.equal(net.conv_in.weight, base.unet.conv_in.weight)


def test_lite_reads_neither_time_nor_text() -> None:
    base = small_base("sd15")
    net = small_controlnet(base.unet, kind=VARIANTS["lite"])
    early, late = (control_of(net, base, timesteps=torch.tensor(t)) for t in (3, 900))
    assert all(torch.equal(one, other) for one, other in zip(early.residuals, late.residuals, strict=True))


def test_the_middle_is_that_of_the_full_one_and_the_skips_are_left_out() -> None:
    base = small_base("sd15")
    full, net = small_controlnet(base.unet), small_controlnet(base.unet, kind=VARIANTS["middle"])
    net.load_state_dict(full.state_dict())
    assert torch.equal(control_of(net, base).middle, control_of(full, base).middle)
    assert not any(skip.any() for skip in control_of(net, base).skips)


def test_modulation_reads_what_and_not_where() -> None:
    base = small_base("sd15")
    net, full = (small_controlnet(base.unet, kind=VARIANTS[name]) for name in ("modulation", "full"))
    encoded = torch.randn(2, 16, 8, 8, generator=torch.Generator().manual_seed(0))
    moved, other = encoded.roll(3, dims=3), encoded + 1
    for network, is_moved in ((net, False), (full, True)):
        control, shifted, changed = (control_of(network, base, encoded=part) for part in (encoded, moved, other))
        assert torch.allclose(control.middle, shifted.middle, atol=1e-5) != is_moved
        assert not torch.allclose(control.middle, changed.middle, atol=1e-3)


@pytest.mark.parametrize("name", VARIANTS)
def test_it_knows_its_name_also_as_a_copy(name: str) -> None:
    assert variant_of(deepcopy(fresh(small_base("sd15"), name))) == name


def test_an_unknown_one_is_one_sentence() -> None:
    with pytest.raises(UserError, match="no variant of ControlNet 'light'; did you mean 'lite'"):
        variant("light")
