"""Properties 1 to 3: a fresh ControlNet does nothing, its gradients wake in order, and the base stays as it was."""

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor

from networks import random_condition, random_latents, random_text, small_base, small_controlnet
from zeroconv.base import BaseModel
from zeroconv.control import ControlNet
from zeroconv.objective import noise_prediction_loss

TIMESTEPS = torch.tensor([7, 801])
FAMILIES = ("sd15", "sd21", "sdxl", "inpainting", "no attention", "tuples", "no middle")


def batch_of(base: BaseModel, seed: int = 9) -> Any:
    """What a training step reads, random: the fields of zeroconv.data.records.Batch."""
    latents = random_latents(base.unet, seed=seed)
    return SimpleNamespace(
        latents=latents,
        noise=random_latents(base.unet, seed=seed + 1),
        timesteps=TIMESTEPS,
        text=random_text(base.unet),
        condition=random_condition(),
    )


def fresh_controlnet(base: BaseModel) -> ControlNet:
    torch.manual_seed(0)
    return ControlNet(base.unet, conditioning_channels=(4, 8, 8, 16))


@pytest.mark.parametrize("family", FAMILIES)
def test_a_fresh_controlnet_changes_nothing(family: str) -> None:
    base = small_base(family)
    net = fresh_controlnet(base)
    latents, text = random_latents(base.unet), random_text(base.unet)
    with torch.no_grad():
        control = net(latents, TIMESTEPS, text, random_condition())
        alone = base.predict_noise(latents, TIMESTEPS, text)
        steered = base.predict_noise(latents, TIMESTEPS, text, control)
    assert not any(residual.any() for residual in control.residuals)
    assert torch.equal(steered, alone)


def awake(net: ControlNet, base: BaseModel) -> set[str]:
    """The parameters whose gradient is not zero."""
    net.zero_grad()
    noise_prediction_loss(base, net, batch_of(base)).sum().backward()
    return {name for name, weight in net.named_parameters() if weight.grad is not None and weight.grad.any()}


def step(net: ControlNet) -> None:
    with torch.no_grad():
        for parameter in net.parameters():
            assert parameter.grad is not None
            parameter -= 0.1 * parameter.grad.sign() * (parameter.grad != 0)


def test_gradients_wake_in_order() -> None:
    base = small_base("sd15")
    net = fresh_controlnet(base)
    joints = {name for name, _ in net.named_parameters() if "zero_convolution" in name}
    last = {"condition_encoder.conv_out.weight", "condition_encoder.conv_out.bias"}
    inside = {name for name, _ in net.named_parameters() if name.startswith("condition_encoder.")} - last
    copy = {name for name, _ in net.named_parameters()} - joints - last - inside

    assert awake(net, base) == joints
    step(net)
    assert awake(net, base) == joints | last | copy
    step(net)
    assert awake(net, base) == joints | last | copy | inside


def test_the_base_stays_as_it_was() -> None:
    base = small_base("sd15")
    before = {key: value.clone() for key, value in base.unet.state_dict().items()}
    net = fresh_controlnet(base).train()
    optimizer = torch.optim.AdamW(net.parameters(), lr=1e-2)
    for _ in range(3):
        noise_prediction_loss(base, net, batch_of(base)).mean().backward()
        optimizer.step()
        optimizer.zero_grad()
    assert all(torch.equal(value, before[key]) for key, value in base.unet.state_dict().items())
    assert all(parameter.grad is None and not parameter.requires_grad for parameter in base.unet.parameters())
    assert not base.unet.training


def test_the_locked_encoder_and_middle_record_no_graph() -> None:
    base = small_base("sd15")
    net = small_controlnet(base.unet)
    seen: dict[str, list[bool]] = {"locked": [], "decoder": []}

    def note(kind: str) -> Any:
        return lambda module, inputs, output: seen[kind].extend(part.requires_grad for part in tensors(output))

    locked = [base.unet.conv_in, *base.unet.down_blocks, base.unet.mid_block]
    hooks = [module.register_forward_hook(note("locked")) for module in locked]
    hooks += [module.register_forward_hook(note("decoder")) for module in base.unet.up_blocks]
    loss = noise_prediction_loss(base, net, batch_of(base))
    for hook in hooks:
        hook.remove()
    assert loss.requires_grad
    assert len(seen["locked"]) > 10 and not any(seen["locked"])
    assert seen["decoder"] and all(seen["decoder"])


def tensors(output: Any) -> list[Tensor]:
    if isinstance(output, Tensor):
        return [output]
    return [tensor for part in output for tensor in tensors(part)]
