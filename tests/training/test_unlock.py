"""Joint training: part of the base learns too, the rest stays locked, and the run goes on exactly."""

from copy import deepcopy
from dataclasses import replace
from itertools import islice

import pytest
import torch
from toytraining import same_weights, toy_base, toy_batches, toy_controlnet, toy_example, weights_of

from zeroconv.base import BaseModel, unet_fingerprint
from zeroconv.base.hashing import base_hash
from zeroconv.data.batches import held_out_batches
from zeroconv.errors import UserError
from zeroconv.objective import control_gain, min_snr_weights, noise_prediction_loss
from zeroconv.training.config import TrainConfig
from zeroconv.training.loop import Step, train
from zeroconv.training.state import fresh_state, restore, to_record
from zeroconv.training.unlock import unlock, unlocked_weights
from zeroconv.variants import VARIANTS

CONFIG = TrainConfig(
    steps=5,
    learning_rate=1e-3,
    base_learning_rate=1e-4,
    batch_size=4,
    gain_every=4,
    seed=1,
    warm_up=2,
    unlock="decoder",
)


def run(base: BaseModel, config: TrainConfig, **options: object) -> list[Step]:
    return list(train(base, toy_controlnet(base), toy_batches(base, config), config, **options))  # type: ignore[arg-type]


def test_the_parts_are_named_and_the_rest_is_locked() -> None:
    base = toy_base()
    every = {name for name, _ in base.unet.named_parameters()}
    decoder = {name for name in every if name.startswith(("up_blocks.", "conv_norm_out.", "conv_out."))}
    for part, expected in (("decoder", decoder), ("all", every), ("decoder", decoder), ("none", set())):
        unlock(base, part)  # type: ignore[arg-type]
        assert unlocked_weights(base).keys() == expected
    assert 0 < len(decoder) < len(every)


@pytest.mark.parametrize("part", ["decoder", "all"])
def test_the_unlocked_part_learns_and_nothing_else_of_the_base(part: str) -> None:
    base = toy_base()
    config = replace(CONFIG, unlock=part)  # type: ignore[arg-type]
    start, name = weights_of(base.unet), base.fingerprint()
    unlock(base, config.unlock)
    locked = base_hash(base)
    last = run(base, config)[-1]
    changed = {key for key, value in weights_of(base.unet).items() if not torch.equal(value, start[key])}
    assert changed == unlocked_weights(base).keys() and base_hash(base) == locked
    assert base.fingerprint() == unet_fingerprint(base.unet) != name
    with torch.no_grad():
        base.unet.conv_in.weight[0] += 1
    assert (base_hash(base) == locked) == (part == "all")
    assert last.state.result_base is base


def test_each_group_has_its_own_learning_rate_and_the_norm_is_of_all() -> None:
    base = toy_base()
    for step in islice(train(base, toy_controlnet(base), toy_batches(base, CONFIG), CONFIG), 3):
        rates = [group["lr"] for group in step.state.optimizer.param_groups]
        assert rates == CONFIG.rates_at(step.number)
        assert rates[1] == pytest.approx(rates[0] / 10) and step.learning_rate == rates[0]
        weights = [*step.state.controlnet.parameters(), *unlocked_weights(base).values()]
        clipped = torch.stack([weight.grad.norm() for weight in weights if weight.grad is not None]).norm().item()
        assert clipped == pytest.approx(min(step.gradient_norm, 1), rel=1e-4)
    locked = run(toy_base(), replace(CONFIG, steps=1, unlock="none"))[0]
    assert len(locked.state.optimizer.param_groups) == 1
    assert run(toy_base(), replace(CONFIG, steps=1))[0].gradient_norm > locked.gradient_norm


@pytest.mark.parametrize(("part", "ema"), [("decoder", 0.0), ("decoder", 0.9), ("all", 0.9)])
def test_a_resumed_joint_training_is_bitwise_the_uninterrupted_one(part: str, ema: float) -> None:
    config = replace(CONFIG, ema=ema, unlock=part)  # type: ignore[arg-type]
    whole = run(toy_base(), config)
    base = toy_base()
    *_, stopped = islice(train(base, toy_controlnet(base), toy_batches(base, config), config), 2)
    record = deepcopy(to_record(stopped.state, config))
    rest = run(toy_base(), config, resume=record)
    assert [(step.loss, step.gradient_norm) for step in rest] == [(s.loss, s.gradient_norm) for s in whole[2:]]
    mine, theirs = (to_record(steps[-1].state, config) for steps in (whole, rest))
    for part_of_it in ("controlnet", "averaged", "base", "averaged_base"):
        assert same_weights(mine[part_of_it] or {}, theirs[part_of_it] or {}), part_of_it
    assert mine["base"] and bool(mine["averaged_base"]) == bool(ema)


def test_the_average_has_its_base_and_the_gain_is_measured_on_it() -> None:
    base = toy_base()
    held_out = held_out_batches(base, [toy_example(100 + k) for k in range(4)], batch_size=4, seed=0)
    last = run(base, replace(CONFIG, ema=0.9), held_out=held_out)[-1]
    averaged = last.state.result_base
    decoder = unlocked_weights(base)
    for name, value in averaged.unet.state_dict().items():
        assert torch.equal(value, base.unet.state_dict()[name]) == (name not in decoder), name
    assert not any(weight.requires_grad for weight in averaged.unet.parameters())
    assert last.gain is not None
    expected = control_gain(averaged, last.state.result.eval(), held_out[0])
    assert torch.equal(last.gain.without, expected.without) and torch.equal(last.gain.with_, expected.with_)
    assert not torch.equal(last.gain.without, control_gain(toy_base(), last.state.result, held_out[0]).without)


def test_a_state_with_other_unlocked_weights_is_refused() -> None:
    base = toy_base()
    record = to_record(fresh_state(toy_controlnet(base), CONFIG, base), CONFIG)
    other = toy_base()
    state = fresh_state(toy_controlnet(other), replace(CONFIG, unlock="all"), other)
    with pytest.raises(UserError, match="other unlocked weights"):
        restore(state, record)


@pytest.mark.parametrize("name", VARIANTS)
def test_every_variant_is_resumed_bitwise(name: str) -> None:
    base, config = toy_base(), replace(CONFIG, unlock="none", ema=0.9, min_snr=5.0)

    def steps(**options: object) -> list[Step]:
        controlnet = toy_controlnet(base, awake=False, name=name)
        return list(train(base, controlnet, toy_batches(base, config), config, **options))  # type: ignore[arg-type]

    whole = steps()
    stopped = train(base, toy_controlnet(base, awake=False, name=name), toy_batches(base, config), config)
    *_, second = islice(stopped, 2)
    rest = steps(resume=deepcopy(to_record(second.state, config)))
    assert [step.loss for step in rest] == [step.loss for step in whole[2:]]
    mine, theirs = (to_record(part[-1].state, config) for part in (whole, rest))
    assert same_weights(mine["controlnet"], theirs["controlnet"]) and same_weights(mine["averaged"], theirs["averaged"])


def test_min_snr_weighs_the_logged_loss_and_not_the_gain() -> None:
    base = toy_base()
    held_out = held_out_batches(base, [toy_example(100 + k) for k in range(4)], batch_size=4, seed=0)
    config = replace(CONFIG, steps=1, unlock="none", learning_rate=1e-12)
    plain, weighted = (run(base, replace(config, min_snr=gamma), held_out=held_out)[0] for gamma in (0.0, 0.1))
    batch = next(toy_batches(base, config).starting(0))
    losses = noise_prediction_loss(base, toy_controlnet(base), batch) * min_snr_weights(base, batch.timesteps, 0.1)
    assert weighted.loss == pytest.approx(losses.mean().item()) and weighted.loss < 0.9 * plain.loss
    assert plain.gain is not None and weighted.gain is not None
    torch.testing.assert_close(weighted.gain.with_, plain.gain.with_)
