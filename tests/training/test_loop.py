from copy import deepcopy
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
import torch
from toytraining import same_weights, toy_base, toy_batches, toy_controlnet, toy_example, weights_of

from zeroconv.base import BaseModel
from zeroconv.base.hashing import weights_hash
from zeroconv.control import ControlNet
from zeroconv.data.batches import held_out_batches
from zeroconv.errors import UserError
from zeroconv.objective import noise_prediction_loss
from zeroconv.training.config import TrainConfig
from zeroconv.training.loop import Step, split, train
from zeroconv.training.optimizer import check_same_optimizer
from zeroconv.training.state import to_record

CONFIG = TrainConfig(steps=6, learning_rate=1e-3, batch_size=4, gain_every=4, seed=1)
GOLDEN = Path(__file__).with_name("golden_loss.txt")


@pytest.fixture(scope="module")
def base() -> BaseModel:
    return toy_base()


def run(base: BaseModel, config: TrainConfig, controlnet: ControlNet | None = None, **options: Any) -> list[Step]:
    return list(train(base, controlnet or toy_controlnet(base), toy_batches(base, config), config, **options))


def recorded(base: BaseModel, config: TrainConfig, until: int) -> dict[str, Any]:
    steps = train(base, toy_controlnet(base), toy_batches(base, config), config)
    *_, last = islice(steps, until)
    return deepcopy(to_record(last.state, config))


@pytest.mark.parametrize(("ema", "joint_rate"), [(0.0, 1.0), (0.9, 1.0), (0.9, 3.0)])
@pytest.mark.parametrize("stopped_after", [1, 4])
def test_a_resumed_training_is_bitwise_the_uninterrupted_one(
    base: BaseModel, ema: float, joint_rate: float, stopped_after: int
) -> None:
    config = replace(CONFIG, ema=ema, joint_rate=joint_rate, warm_up=3, decay=0.5, accumulation=2)
    whole = run(base, config)
    record = recorded(base, config, stopped_after)
    torch.manual_seed(999)  # another process would not have this one's random state
    fresh = toy_controlnet(base, awake=False)
    rest = run(base, config, fresh, resume=record)
    assert [step.number for step in rest] == list(range(stopped_after + 1, 7))
    for one, other in zip(whole[stopped_after:], rest, strict=True):
        assert (one.loss, one.gradient_norm, one.learning_rate) == (
            other.loss,
            other.gradient_norm,
            other.learning_rate,
        )
    mine, theirs = (to_record(steps[-1].state, config) for steps in (whole, rest))
    assert same_weights(mine["controlnet"], theirs["controlnet"])
    assert (mine["averaged"] is None) == (ema == 0)
    if ema:
        assert same_weights(mine["averaged"], theirs["averaged"])
    for number, values in mine["optimizer"]["state"].items():
        assert same_weights(values, theirs["optimizer"]["state"][number])


def test_a_resumed_training_goes_on_with_the_random_state_it_had(base: BaseModel) -> None:
    torch.manual_seed(5)
    record = recorded(base, CONFIG, 2)
    torch.set_rng_state(record["rng"]["cpu"])
    expected = torch.rand(3)
    torch.manual_seed(6)
    next(train(base, toy_controlnet(base), toy_batches(base, CONFIG), CONFIG, resume=record))
    assert torch.equal(torch.rand(3), expected)


def test_the_base_is_locked_and_all_of_the_controlnet_learns() -> None:
    base = toy_base()
    before = weights_hash(base.unet)
    controlnet = toy_controlnet(base, awake=False)
    start = weights_of(controlnet)
    steps = run(base, CONFIG, controlnet)
    assert weights_hash(base.unet) == before
    assert all(parameter.grad is None for parameter in base.unet.parameters())
    trained = {id(parameter) for group in steps[-1].state.optimizer.param_groups for parameter in group["params"]}
    assert trained == {id(parameter) for parameter in controlnet.parameters()}
    unchanged = [name for name, value in weights_of(controlnet).items() if torch.equal(value, start[name])]
    assert unchanged == []


def test_gradients_wake_zero_convolutions_first(base: BaseModel) -> None:
    controlnet = toy_controlnet(base, awake=False)
    config = replace(CONFIG, weight_decay=0.0)
    start = weights_of(controlnet)
    changed: list[set[str]] = []
    for _ in islice(train(base, controlnet, toy_batches(base, config), config), 3):
        now = weights_of(controlnet)
        changed.append({name for name, value in now.items() if not torch.equal(value, start[name])})
        start = now
    assert changed[0] and all("zero_convolution" in name for name in changed[0])
    assert "condition_encoder.conv_out.weight" in changed[1] and "conv_in.weight" in changed[1]
    assert not any(name.startswith(("condition_encoder.conv_in", "condition_encoder.blocks")) for name in changed[1])
    assert "condition_encoder.conv_in.weight" in changed[2]


def test_accumulation_changes_rounding_only(base: BaseModel) -> None:
    whole, parts = (run(base, replace(CONFIG, accumulation=parts)) for parts in (1, 4))
    for one, other in zip(whole, parts, strict=True):
        assert other.loss == pytest.approx(one.loss, rel=1e-4)
        assert other.gradient_norm == pytest.approx(one.gradient_norm, rel=1e-3)


def test_a_batch_is_split_without_loss(base: BaseModel) -> None:
    batch = next(toy_batches(base, replace(CONFIG, batch_size=7)).starting(0))
    pieces = split(batch, 3)
    assert [len(piece) for piece in pieces] == [2, 3, 2]
    for part in ("latents", "condition", "noise", "timesteps"):
        assert torch.equal(torch.cat([getattr(piece, part) for piece in pieces]), getattr(batch, part))
    assert torch.equal(torch.cat([piece.text.tokens for piece in pieces]), batch.text.tokens)
    assert sum((piece.names for piece in pieces), ()) == batch.names


def test_the_loss_is_the_batch_mean_and_training_lowers_it(base: BaseModel) -> None:
    config = replace(CONFIG, steps=40, batch_size=6, learning_rate=5e-3, prompt_drop=1.0)
    first = next(toy_batches(base, config).starting(0))
    expected = noise_prediction_loss(base, toy_controlnet(base, awake=False), first).mean().item()
    steps = run(base, config, toy_controlnet(base, awake=False))
    assert steps[0].loss == pytest.approx(expected, rel=1e-5)
    late = sum(step.loss for step in steps[-10:]) / 10
    assert late < 0.95 * sum(step.loss for step in steps[:10]) / 10


def test_gradients_are_clipped(base: BaseModel) -> None:
    def moved(max_grad_norm: float) -> list[Step]:
        config = replace(CONFIG, steps=1, max_grad_norm=max_grad_norm)
        return run(base, config)

    loose, tight = moved(1e9)[0], moved(1e-3)[0]
    assert tight.gradient_norm == loose.gradient_norm > 1e-3
    norms = [
        sum(value["exp_avg"].square().sum() for value in step.state.optimizer.state.values()).sqrt().item()
        for step in (loose, tight)
    ]
    assert norms[0] == pytest.approx(0.1 * loose.gradient_norm, rel=1e-3)
    assert norms[1] == pytest.approx(0.1 * 1e-3, rel=1e-2)


def test_the_learning_rate_that_is_told_is_the_one_that_is_used(base: BaseModel) -> None:
    config = replace(CONFIG, warm_up=4)
    for step in train(base, toy_controlnet(base), toy_batches(base, config), config):
        assert step.learning_rate == step.state.optimizer.param_groups[0]["lr"] == config.learning_rate_at(step.number)


def test_what_is_new_has_a_learning_rate_of_its_own(base: BaseModel) -> None:
    config = replace(CONFIG, joint_rate=4.0, decay=0.5)
    for step in train(base, toy_controlnet(base), toy_batches(base, config), config):
        copied, new = step.state.optimizer.param_groups
        assert new["lr"] == pytest.approx(4 * copied["lr"]) and copied["lr"] == step.learning_rate
    named = dict(step.state.controlnet.named_parameters())
    assert sum(len(group["params"]) for group in (copied, new)) == len(named)
    joints = {name for name, weight in named.items() if any(weight is one for one in new["params"])}
    assert {name.partition(".")[0] for name in joints} == {
        "condition_encoder",
        "zero_convolutions",
        "middle_zero_convolution",
    }
    with pytest.raises(UserError, match="--joint-rate 4; it cannot go on with 1"):
        check_same_optimizer({"joint_rate": 4.0}, CONFIG)


def test_the_gain_is_measured_when_due_on_the_average(base: BaseModel) -> None:
    held_out = held_out_batches(base, [toy_example(100 + k) for k in range(6)], batch_size=3, seed=0)
    config = replace(CONFIG, steps=6, ema=0.99)
    steps = run(base, config, held_out=held_out)
    assert [step.number for step in steps if step.gain] == [4, 6]
    gain, result = steps[-1].gain, steps[-1].state.result
    assert gain is not None and gain.with_.shape == (6,)
    assert result is steps[-1].state.averaged and not any(p.requires_grad for p in result.parameters())
    with torch.no_grad():
        expected = torch.cat([noise_prediction_loss(base, result, batch) for batch in held_out])
    torch.testing.assert_close(gain.with_, expected)
    assert all(step.gain is None for step in run(base, config))


def test_a_diverging_training_stops_with_a_reason(base: BaseModel) -> None:
    controlnet = toy_controlnet(base)
    with torch.no_grad():
        controlnet.middle_zero_convolution.weight[0] = float("nan")
    with pytest.raises(UserError, match=r"loss became nan at step 1: a lower learning rate than 0\.001"):
        run(base, CONFIG, controlnet)


def test_the_golden_losses() -> None:
    """Twenty steps of a fixed training; a refactoring leaves them as they are."""
    base = toy_base()
    config = replace(CONFIG, steps=20, ema=0.9, warm_up=2)
    losses = [step.loss for step in run(base, config, toy_controlnet(base, awake=False))]
    golden = [float(line) for line in GOLDEN.read_text().split()]
    assert losses == pytest.approx(golden, rel=1e-4)
