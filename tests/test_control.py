from copy import deepcopy
from typing import Any

import pytest
import torch
from diffusers import UNet2DConditionModel
from torch import Tensor, nn

import zeroconv.control as control_file
from networks import (
    KINDS,
    random_condition,
    random_latents,
    random_text,
    small_base,
    small_controlnet,
    small_unet,
)
from zeroconv.control import ConditionEncoder, Control, ControlNet, Text, zero_convolution
from zeroconv.errors import UserError

TIMESTEPS = torch.tensor([7, 801])


def labels(kind: str) -> Tensor | None:
    return torch.tensor([1, 4]) if kind == "classes" else None


@torch.no_grad()
def control_of(net: ControlNet, kind: str, **arguments: Any) -> Control:
    unet = small_unet(kind)
    condition = {} if "encoded" in arguments else {"condition": random_condition()}
    inputs: dict[str, Any] = {"class_labels": labels(kind), **condition, **arguments}
    return net(random_latents(unet), TIMESTEPS, random_text(unet), **inputs)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in ("classes", "text additions")])
def test_every_kind_of_base_takes_the_residuals(kind: str) -> None:
    base = small_base(kind)
    net = small_controlnet(base.unet)
    control = control_of(net, kind)
    assert [residual.shape for residual in control.skips] == [skip.shape for skip in captured_skips(base.unet)]
    latents, text = random_latents(base.unet), random_text(base.unet)
    with torch.no_grad():
        alone = base.predict_noise(latents, TIMESTEPS, text)
        for number in (0, len(control.skips) - 1, len(control.skips)):
            kept = [1.0 if number == position else 0.0 for position in range(len(control.residuals))]
            steered = base.predict_noise(latents, TIMESTEPS, text, control.scaled(kept))
            assert not torch.equal(steered, alone), f"residual {number} does not reach the base"


def captured_skips(unet: Any) -> list[Tensor]:
    """What the U-Net's own encoder hands to its decoder, taken from its blocks while it runs."""
    skips: list[Tensor] = []
    hooks = [unet.conv_in.register_forward_hook(lambda *call: skips.append(call[-1]))]
    hooks += [block.register_forward_hook(lambda *call: skips.extend(call[-1][1])) for block in unet.down_blocks]
    text = random_text(unet)
    added = {"text_embeds": text.pooled, "time_ids": text.sizes}
    with torch.no_grad():
        unet(random_latents(unet), TIMESTEPS, text.tokens, added_cond_kwargs=added)
    for hook in hooks:
        hook.remove()
    return skips


@pytest.mark.parametrize("kind", KINDS)
def test_the_copy_has_the_bases_weights_and_none_of_its_memory(kind: str) -> None:
    unet = small_unet(kind)
    before = {key: value.clone() for key, value in unet.state_dict().items()}
    net = ControlNet(unet, factor=8)
    state = {key: value.clone() for key, value in net.state_dict().items()}
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.add_(1.0)
    encoder = {key for key in before if not key.startswith(("up_blocks.", "conv_norm_out.", "conv_out."))}
    assert encoder <= set(state) and all(torch.equal(state[key], before[key]) for key in encoder)
    after = unet.state_dict()
    assert all(torch.equal(after[key], value) for key, value in before.items())
    assert all(parameter.requires_grad for parameter in net.parameters())
    assert not any(parameter.requires_grad for parameter in unet.parameters())
    assert net.training and all(module.training for module in net.condition_encoder.modules())


def test_a_zero_convolution_is_zero_and_keeps_the_size() -> None:
    joint = zero_convolution(3, 5, kernel_size=3)
    assert not any(parameter.any() for parameter in joint.parameters())
    assert joint(torch.ones(1, 3, 6, 4)).shape == (1, 5, 6, 4)
    assert zero_convolution(7).weight.shape == (7, 7, 1, 1)


@pytest.mark.parametrize(("factor", "widths"), [(8, (16, 32, 96, 256)), (4, (16, 32, 96)), (2, (16, 32)), (1, (16,))])
def test_the_condition_encoder_has_a_width_for_each_resolution(factor: int, widths: tuple[int, ...]) -> None:
    net = ControlNet(small_unet("sd15"), factor=factor)
    assert net.conditioning_channels == widths
    assert net.encode_condition(torch.rand(1, 3, 8 * factor, 6 * factor)).shape == (1, 16, 8, 6)


def test_the_condition_encoder_is_the_released_one() -> None:
    encoder = ConditionEncoder(3, (16, 32, 96, 256, 320))
    convolutions = [module for module in encoder.modules() if isinstance(module, nn.Conv2d)]
    shapes = [(module.in_channels, module.out_channels) for module in convolutions]
    strides = [module.stride[0] for module in convolutions]
    assert sorted(shapes) == sorted([(3, 16), (16, 16), (16, 32), (32, 32), (32, 96), (96, 96), (96, 256), (256, 320)])
    assert sorted(strides) == [1, 1, 1, 1, 1, 2, 2, 2]
    assert sum(parameter.numel() for parameter in encoder.parameters()) == 1_086_480


def test_one_encoded_condition_serves_a_batch_and_many_steps() -> None:
    net = small_controlnet(small_unet("sd15"))
    one = random_condition(1)
    with torch.no_grad():
        encoded = net.encode_condition(one)
    expected = control_of(net, "sd15", condition=one.repeat(2, 1, 1, 1))
    for inputs in ({"encoded": encoded}, {"condition": one}):
        control = control_of(net, "sd15", **inputs)
        for mine, theirs in zip(control.residuals, expected.residuals, strict=True):
            torch.testing.assert_close(mine, theirs, atol=1e-5, rtol=1e-4)


def test_global_pool_says_what_and_not_where() -> None:
    whole = small_controlnet(small_unet("sd15"))
    net = small_controlnet(small_unet("sd15"), global_pool=True)
    net.load_state_dict(whole.state_dict())
    for pooled, residual in zip(control_of(net, "sd15").residuals, control_of(whole, "sd15").residuals, strict=True):
        assert torch.equal(pooled, residual.mean(dim=(2, 3), keepdim=True).expand_as(residual))


def test_gradient_checkpointing_changes_the_memory_and_not_the_gradients() -> None:
    unet = small_unet("sd15")
    gradients, calls = [], []
    for is_on in (False, True):
        net = small_controlnet(unet).train()
        net.enable_gradient_checkpointing(is_on)
        count: list[int] = []
        net.down_blocks[0].resnets[0].register_forward_pre_hook(lambda *_, count=count: count.append(1))
        control = net(random_latents(unet), TIMESTEPS, random_text(unet), random_condition())
        torch.stack([residual.square().sum() for residual in control.residuals]).sum().backward()
        gradients.append([parameter.grad for parameter in net.parameters()])
        calls.append(len(count))
    assert calls == [1, 2]
    for plain, checkpointed in zip(*gradients, strict=True):
        torch.testing.assert_close(plain, checkpointed)


def test_a_skeleton_takes_a_checkpoint_without_a_base() -> None:
    unet = small_unet("sdxl")
    net = small_controlnet(unet)
    skeleton = ControlNet.from_config(net.unet_config, type(unet).from_config, conditioning_channels=(4, 8, 8, 16))
    assert all(parameter.is_meta for parameter in skeleton.parameters())
    skeleton.load_state_dict(net.state_dict(), assign=True)
    assert all(parameter.requires_grad for parameter in skeleton.parameters())
    for mine, theirs in zip(control_of(skeleton, "sdxl").residuals, control_of(net, "sdxl").residuals, strict=True):
        assert torch.equal(mine, theirs)


def test_the_configuration_is_plain() -> None:
    config = ControlNet(small_unet("sd21")).unet_config
    assert type(config) is dict and config["use_linear_projection"] and not any(key.startswith("_") for key in config)


def test_texts_are_put_together_and_repeated() -> None:
    text = random_text(small_unet("sdxl"), 2)
    assert len(text) == 2 and len(Text.cat([text, text, text])) == 6
    repeated = text.repeat(2)
    assert repeated.pooled is not None and text.pooled is not None
    for row, source in enumerate((0, 0, 1, 1)):
        assert torch.equal(repeated.tokens[row], text.tokens[source])
        assert torch.equal(repeated.pooled[row], text.pooled[source])
    half = text.to("cpu", torch.float16)
    assert half.tokens.dtype == torch.float16 and half.sizes is not None and half.sizes.dtype == torch.float32
    assert Text.cat([Text(text.tokens), Text(text.tokens)]).pooled is None


@pytest.fixture(scope="module")
def net() -> ControlNet:
    return small_controlnet(small_unet("sd15"))


class TestMistakesAreNamed:
    def test_channels(self, net: ControlNet) -> None:
        with pytest.raises(UserError, match=r"expected a condition \(B, 3, .*got \(1, 1, 64, 64\)"):
            net.encode_condition(torch.rand(1, 1, 64, 64))
        with pytest.raises(UserError, match="got None"):
            control_of(net, "sd15", condition=None)

    def test_size(self, net: ControlNet) -> None:
        with pytest.raises(UserError, match=r"expected \(height, width\) \[64, 64\], got \[64, 96\]"):
            control_of(net, "sd15", condition=torch.rand(2, 3, 64, 96))

    @pytest.mark.parametrize("factor", [0, 3, -8])
    def test_factor(self, factor: int) -> None:
        with pytest.raises(UserError, match=f"power of two; got {factor}"):
            ControlNet(small_unet("sd15"), factor=factor)

    def test_widths(self) -> None:
        with pytest.raises(UserError, match="factor 8 needs 4 widths, got 2"):
            ControlNet(small_unet("sd15"), conditioning_channels=(4, 8))

    def test_not_a_unet(self) -> None:
        with pytest.raises(UserError, match="Linear has none"):
            ControlNet(nn.Linear(1, 1))

    def test_a_unet_that_would_be_copied_wrongly(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(control_file, "_REPRODUCED", (None, False))
        with pytest.raises(UserError, match="'addition_embed_type': 'text_time'"):
            ControlNet(small_unet("sdxl"))

    def test_family_and_text(self) -> None:
        net, text = ControlNet(small_unet("sdxl")), random_text(small_unet("sdxl"))
        with pytest.raises(UserError, match="SDXL"):
            net(torch.rand(2, 4, 8, 8), TIMESTEPS, Text(text.tokens), random_condition())

    def test_classes(self) -> None:
        with pytest.raises(UserError, match="class_labels"):
            control_of(ControlNet(small_unet("classes")), "classes", class_labels=None)

    def test_controls_of_different_unets(self) -> None:
        with pytest.raises(UserError, match="2 and 1 residuals"):
            Control((torch.ones(1, 1, 1, 1),) * 2) + Control((torch.ones(1, 1, 1, 1),))

    @pytest.mark.parametrize("weights", [[1.0] * 12, [1.0] * 14, torch.ones(2, 12)])
    def test_number_of_weights(self, net: ControlNet, weights: Any) -> None:
        with pytest.raises(UserError, match="expected 13 weights"):
            control_of(net, "sd15").scaled(weights)

    @pytest.mark.parametrize("shape", [(8, 8), (1, 3, 8, 8)])
    def test_mask(self, net: ControlNet, shape: tuple[int, ...]) -> None:
        with pytest.raises(UserError, match="a mask has the shape"):
            control_of(net, "sd15").masked(torch.ones(shape))


def test_half_precision_bases_are_copied_in_half_precision() -> None:
    net = ControlNet(deepcopy(small_unet("sd15")).to(torch.float16))
    assert {parameter.dtype for parameter in net.parameters()} == {torch.float16}


def test_the_full_size_has_the_published_number_of_parameters() -> None:
    with torch.device("meta"):
        unet = UNet2DConditionModel(cross_attention_dim=768)
    net = ControlNet.from_config(unet.config, lambda _: unet)
    assert sum(parameter.numel() for parameter in net.parameters()) == 361_279_120


def test_the_condition_encoder_hands_on_what_differs_between_sparse_conditions() -> None:
    """With torch's default start less than 1e-4 of it reaches the last convolution, and control is learnt late."""
    torch.manual_seed(0)
    encoder = ConditionEncoder(3, (16, 32, 96, 256, 320))
    edges = (torch.rand(4, 1, 64, 64) > 0.95).float().expand(4, 3, 64, 64)
    reached = []
    encoder.conv_out.register_forward_pre_hook(lambda module, inputs: reached.append(inputs[0]))
    encoder(edges)
    assert 0.05 < reached[0].std(0).mean() / edges.std(0).mean() < 5
