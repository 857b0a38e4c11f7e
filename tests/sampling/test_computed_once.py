"""What a prediction need not compute is not computed, the numbers stay, and the networks are left as they were."""

from threading import Thread
from typing import Any

import pytest
import torch
from diffusers import T2IAdapter
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from networks import KINDS, random_condition, random_latents, random_text, small_base, small_controlnet, small_unet
from zeroconv.adapter import Adapter
from zeroconv.base import load_base
from zeroconv.control import Text
from zeroconv.sampling import ControlInput, Moment, guided_noise
from zeroconv.sampling.computed_once import ComputedOnce, before_text, text_readers
from zeroconv.sampling.forwards import forward_of, replaced, within_compiled

MOMENT = Moment(torch.tensor(601), step=4, steps=10)
GUIDANCE = 5.0


def plain_prediction(kind: str, latents: Tensor, text: Text, negative: Text, entry: ControlInput) -> Tensor:
    """Guidance from two predictions of their own."""
    base = small_base(kind)
    halves = []
    for half in (negative, text):
        control = entry.controlnet(latents, MOMENT.timestep, half, entry.image)
        halves.append(base.predict_noise(latents, MOMENT.timestep, half, control))
    noise: Tensor = halves[0] + GUIDANCE * (halves[1] - halves[0])
    return noise


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "classes"])
@torch.no_grad()
def test_guidance_is_what_two_predictions_give(kind: str) -> None:
    base = small_base(kind)
    text, negative, latents = random_text(base.unet), random_text(base.unet, seed=5), random_latents(base.unet)
    entry = ControlInput(small_controlnet(base.unet), random_condition())
    predict = guided_noise(base, [entry], text, negative, GUIDANCE)
    for step in range(2):  # the second reads what the first kept
        other = random_latents(base.unet, seed=10 + step) if step == 0 else latents
        predicted = predict(other, MOMENT)
    expected = plain_prediction(kind, latents, text, negative, entry)
    assert (predicted - expected).abs().max() <= 1e-4 * expected.abs().max()
    assert not any("forward" in vars(module) for net in (base.unet, entry.controlnet) for module in net.modules())


@torch.no_grad()
def test_an_adapter_for_one_half_acts_on_it_alone_where_levels_come_before_the_text() -> None:
    base = load_base("tiny")
    assert not hasattr(base.unet.down_blocks[0], "attentions"), "what is shared must reach beyond the first level"
    torch.manual_seed(1)
    widths = (*base.unet.config.block_out_channels, base.unet.config.block_out_channels[-1])
    options = {"num_res_blocks": 1, "downscale_factor": 16, "adapter_type": "full_adapter_xl"}
    adapter = Adapter(T2IAdapter(3, widths, **options))
    entry = ControlInput(adapter, random_condition(size=128), conditional_only=True)
    latents, text, negative = random_latents(base.unet, size=16), random_text(base.unet), random_text(base.unet, seed=5)
    unconditional = base.predict_noise(latents, MOMENT.timestep, negative)
    control = adapter(latents, adapter.encode_condition(entry.image))
    conditional = base.predict_noise(latents, MOMENT.timestep, text, control)
    predicted = guided_noise(base, [entry], text, negative, GUIDANCE)(latents, MOMENT)
    expected = unconditional + GUIDANCE * (conditional - unconditional)
    assert (predicted - expected).abs().max() <= 1e-4 * expected.abs().max()


@torch.no_grad()
def test_the_second_step_computes_less_and_two_halves_less_than_twice() -> None:
    base = small_base()
    text, negative, latents = random_text(base.unet), random_text(base.unet, seed=5), random_latents(base.unet)
    entry = ControlInput(small_controlnet(base.unet), random_condition())

    def flops(predict: Any) -> int:
        with FlopCounterMode(display=False) as counter:
            predict(latents, MOMENT)
        return int(counter.get_total_flops())

    one = guided_noise(base, [entry], text, None, 1.0)
    both = guided_noise(base, [entry], text, negative, GUIDANCE)
    flops(one), flops(both)  # conditions are encoded, the text is read
    assert flops(both) < 1.95 * flops(one)
    assert flops(both) == flops(both) < flops(guided_noise(base, [entry], text, negative, GUIDANCE))


def test_what_comes_before_the_text() -> None:
    unet = small_unet("sd15")
    first = unet.down_blocks[0]
    expected = [unet.conv_in, first.resnets[0], first.attentions[0].proj_in]
    assert before_text(unet) == [*expected, first.attentions[0].transformer_blocks[0].attn1]
    assert before_text(small_unet("sdxl")) == [small_unet("sdxl").conv_in]  # its time embedding reads the text
    plain = small_unet("no attention")
    assert len(before_text(plain)) == 1 + 4 * 2 + 3
    crossing = [name for name, module in unet.named_modules() if name.endswith("attn2")]
    assert len(text_readers(unet)) == 2 * len(crossing) == 32


@torch.no_grad()
def test_keys_and_values_are_those_of_the_text_that_is_read() -> None:
    unet = small_unet("sd15")
    once, latents = ComputedOnce(unet), random_latents(unet, 2)
    for seed in (1, 2, 1):
        tokens = random_text(unet, seed=seed).tokens
        with once.predicting(is_doubled=False):
            mine = unet(latents, 5, tokens).sample
        assert torch.equal(mine, unet(latents, 5, tokens).sample)


def test_gradients_reach_the_text() -> None:
    unet = small_unet("sd15")
    tokens = random_text(unet).tokens.requires_grad_()
    once = ComputedOnce(unet)
    for _ in range(2):
        with once.predicting(is_doubled=False):
            (gradient,) = torch.autograd.grad(unet(random_latents(unet), 5, tokens).sample.sum(), tokens)
        assert gradient.abs().max() > 0


def test_other_threads_and_later_calls_see_the_network_as_it_is() -> None:
    layer, seen = nn.Linear(2, 2), []
    expected = layer(torch.ones(1, 2))

    def elsewhere() -> None:
        seen.append(layer(torch.ones(1, 2)))

    with pytest.raises(RuntimeError), replaced(layer, {layer: lambda hidden: hidden * 0}):
        assert not layer(torch.ones(1, 2)).any()
        thread = Thread(target=elsewhere)
        thread.start()
        thread.join()
        raise RuntimeError
    assert torch.equal(seen[0], expected) and torch.equal(layer(torch.ones(1, 2)), expected)
    assert "forward" not in vars(layer)


def test_a_forward_that_another_replaced_is_used_and_put_back() -> None:
    layer = nn.Linear(2, 2)
    theirs = vars(layer)["forward"] = lambda hidden: hidden + 1
    with replaced(layer, {layer: lambda hidden: hidden * 0}):
        assert not layer(torch.ones(1, 2)).any()
    assert layer.forward is theirs


def test_nothing_is_replaced_within_compiled_code() -> None:
    network = nn.Sequential(nn.Sequential(nn.Linear(2, 2)), nn.Linear(2, 2))
    assert within_compiled(network) == set()
    network[0].compile(backend="eager")
    assert within_compiled(network) == {network[0][0]}
    network.compile(backend="eager")
    assert within_compiled(network) == {network[0], network[0][0], network[1]}


def test_a_module_that_is_compiled_is_replaced_as_a_whole() -> None:
    layer = nn.Linear(2, 2)
    layer.compile(backend="eager")
    code = forward_of(layer)
    assert code is vars(layer)["_compiled_call_impl"]
    with replaced(layer, {layer: lambda hidden: hidden * 0}):
        assert not layer(torch.ones(1, 2)).any()
    assert forward_of(layer) is code and "forward" not in vars(layer)
