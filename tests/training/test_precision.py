"""Number types, gradient checkpointing and optimisers of a step, and where it left the finite numbers."""

import sys
from copy import deepcopy
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from toytraining import same_weights, toy_base, toy_batches, toy_controlnet, toy_example, toy_unet

from zeroconv.base import BaseModel
from zeroconv.errors import UserError
from zeroconv.training.config import TrainConfig
from zeroconv.training.loop import Step, train
from zeroconv.training.optimizer import check_optimizer, check_same_optimizer
from zeroconv.training.state import to_record

CONFIG = TrainConfig(steps=4, learning_rate=1e-3, batch_size=4, seed=1)


@pytest.fixture(scope="module")
def base() -> BaseModel:
    return toy_base()


def run(base: BaseModel, config: TrainConfig, controlnet: Any = None, **options: Any) -> list[Step]:
    return list(train(base, controlnet or toy_controlnet(base), toy_batches(base, config), config, **options))


@pytest.mark.parametrize(("precision", "tolerance"), [("bf16", 3e-2), ("fp16", 4e-3)])
def test_short_number_types_train_nearly_the_same_float32_weights(
    base: BaseModel, precision: Any, tolerance: float
) -> None:
    whole, short = run(base, CONFIG), run(base, replace(CONFIG, precision=precision))
    for one, other in zip(whole, short, strict=True):
        assert other.loss == pytest.approx(one.loss, rel=tolerance)
        assert other.loss != one.loss
        assert other.gradient_norm == pytest.approx(one.gradient_norm, rel=5 * tolerance)
    assert {value.dtype for value in short[-1].state.controlnet.parameters()} == {torch.float32}


def test_fp16_finds_its_loss_scale_and_is_resumed_with_it(base: BaseModel) -> None:
    """A scale that overflows is halved within the step, so that no step is lost."""
    config = replace(CONFIG, precision="fp16")
    fresh = run(base, replace(config, steps=1))[0]
    assert fresh.gradient_norm > 0 and fresh.state.scaler.get_scale() <= 65536
    record = deepcopy(to_record(fresh.state, config))
    record["scaler"]["scale"] = 2.0**30
    rest = run(base, config, resume=deepcopy(record))
    scale = rest[-1].state.scaler.get_scale()
    assert 2**30 > scale > 1 and all(0 < step.gradient_norm < 100 for step in rest)
    before = run(base, replace(config, steps=3), resume=deepcopy(record))[-1]
    after = run(base, config, resume=deepcopy(to_record(before.state, config)))[-1]
    assert after.loss == rest[-1].loss
    assert after.state.scaler.state_dict() == rest[-1].state.scaler.state_dict()
    assert same_weights(after.state.controlnet.state_dict(), rest[-1].state.controlnet.state_dict())


def test_a_state_of_one_number_type_goes_on_in_another(base: BaseModel) -> None:
    record = deepcopy(to_record(run(base, replace(CONFIG, steps=2))[-1].state, CONFIG))
    assert record["scaler"] == {}
    assert [step.number for step in run(base, replace(CONFIG, precision="fp16"), resume=record)] == [3, 4]


def test_checkpointing_computes_the_same_gradients_again(base: BaseModel, monkeypatch: pytest.MonkeyPatch) -> None:
    kept, again = toy_controlnet(base), toy_controlnet(base)
    plain = run(base, CONFIG, kept)
    forwards: list[str] = []
    again.down_blocks[0].resnets[0].register_forward_pre_hook(lambda *_: forwards.append("forward"))
    checkpointed = run(base, replace(CONFIG, checkpointing=True), again)
    assert len(forwards) == 2 * len(checkpointed)
    assert [step.loss for step in checkpointed] == [step.loss for step in plain]
    assert [step.gradient_norm for step in checkpointed] == [step.gradient_norm for step in plain]
    assert same_weights(kept.state_dict(), again.state_dict())


def test_the_layer_that_made_the_loss_nan_is_named(base: BaseModel) -> None:
    controlnet = toy_controlnet(base)
    with torch.no_grad():
        controlnet.down_blocks[1].resnets[0].conv1.weight[0] = float("nan")
    sentence = r"loss became nan at step 1: .* in the output of the ControlNet's down_blocks\.1\.resnets\.0\.conv1$"
    with pytest.raises(UserError, match=sentence):
        run(base, CONFIG, controlnet)


def test_the_example_that_made_the_loss_nan_is_named(base: BaseModel) -> None:
    batches = toy_batches(base, CONFIG)
    example = toy_example(7)
    broken = [replace(example, latent=example.latent * float("inf")) if k == 7 else toy_example(k) for k in range(12)]
    with pytest.raises(UserError, match=r"--precision bf16, .* is in the latents of toy 7"):
        list(train(base, toy_controlnet(base), replace(batches, examples=broken), replace(CONFIG, precision="fp16")))


def test_the_gradient_that_is_not_finite_is_named(base: BaseModel) -> None:
    controlnet = toy_controlnet(base)
    controlnet.mid_block.resnets[0].conv2.weight.register_hook(lambda gradient: gradient / 0)
    controlnet.conv_in.bias.register_hook(lambda gradient: gradient / 0)
    sentence = (
        r"gradient's norm became (inf|nan) at step 1: .* the ControlNet's mid_block.*conv2.weight, and those of 1 more"
    )
    with pytest.raises(UserError, match=sentence):
        run(base, CONFIG, controlnet)


def test_the_eight_bit_optimiser_is_an_extra(base: BaseModel, monkeypatch: pytest.MonkeyPatch) -> None:
    config = replace(CONFIG, optimizer="adamw8bit", weight_decay=0.1)
    monkeypatch.setitem(sys.modules, "bitsandbytes", None)
    with pytest.raises(UserError, match=r"bitsandbytes, which is not installed: pip install 'zeroconv\[adamw8bit\]'"):
        check_optimizer(config)
    check_optimizer(CONFIG)
    package = SimpleNamespace(optim=SimpleNamespace(AdamW8bit=torch.optim.AdamW))
    monkeypatch.setitem(sys.modules, "bitsandbytes", package)
    group = run(base, config)[-1].state.optimizer.param_groups[0]
    assert (group["weight_decay"], group["lr"], len(group["params"])) == (
        0.1,
        1e-3,
        len([*toy_controlnet(base).parameters()]),
    )
    with pytest.raises(UserError, match="trained with --optimizer adamw; it cannot go on with adamw8bit"):
        check_same_optimizer({}, config)


def test_the_real_eight_bit_optimiser_goes_on_bitwise(base: BaseModel) -> None:
    pytest.importorskip("bitsandbytes", minversion="0.50", reason="pip install 'zeroconv[adamw8bit]'")
    config, wide = replace(CONFIG, optimizer="adamw8bit"), replace(base, unet=toy_unet(channels=(8, 32)))
    whole, cut = toy_controlnet(wide), toy_controlnet(wide)
    steps = run(wide, config, whole)
    kinds = {kept["state1"].dtype for kept in steps[-1].state.optimizer.state.values()}
    assert kinds == {torch.uint8, torch.float32}, "of fewer than 4,096 weights they stay in 32 bits"
    record = deepcopy(to_record(run(wide, replace(config, steps=2), cut)[-1].state, config))
    cut = toy_controlnet(wide)
    assert [step.loss for step in run(wide, config, cut, resume=record)] == [step.loss for step in steps[2:]]
    assert same_weights(whole.state_dict(), cut.state_dict())
