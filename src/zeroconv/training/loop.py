"""The training loop: eq. 5 of the paper minimised over the ControlNet's weights, the base locked unless unlocked.

A generator of steps: what is logged, saved, shown and when to stop is the business of the caller's `for` body.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Protocol

import torch

from zeroconv.base import BaseModel
from zeroconv.control import ControlNet, Text
from zeroconv.data.records import Batch
from zeroconv.errors import UserError
from zeroconv.objective import Gain, min_snr_weights, noise_prediction_loss
from zeroconv.training.config import TrainConfig
from zeroconv.training.gain import measure_gain
from zeroconv.training.state import TrainState, fresh_state, restore


class SeekableBatches(Protocol):
    """Batches that can start after any number of samples."""

    def starting(self, position: int) -> Iterator[Batch]: ...


@dataclass(frozen=True)
class Step:
    """One optimiser step, done."""

    number: int
    """Counted from 1 over the whole training, resumed or not."""
    loss: float
    """Mean squared error of the prediction, weighted where config.min_snr asks for it, averaged over the batch."""
    learning_rate: float
    """Of the ControlNet."""
    gradient_norm: float
    """Of all weights in training, before clipping."""
    samples_per_second: float
    """Of this step alone, without what happens between the steps."""
    gain: Gain | None
    """Held-out control gain after this step, where it was due."""
    state: TrainState
    """The live state: save it now, it changes with the next step."""


def train(
    base: BaseModel,
    controlnet: ControlNet,
    batches: SeekableBatches,
    config: TrainConfig,
    *,
    held_out: Sequence[Batch] = (),
    resume: dict[str, Any] | None = None,
) -> Iterator[Step]:
    """Trains `controlnet` in place, up to config.steps; with `resume`, a saved record, from where that was.

    Of the base the part that config.unlock names is trained in place too; everything else in it stays as it is.
    The interrupted and resumed training is bitwise the uninterrupted one. Raises UserError when the loss or a
    gradient is no longer a finite number.
    """
    state = fresh_state(controlnet, config, base)
    if resume is not None:
        restore(state, resume)
    controlnet.train()
    upcoming = batches.starting(state.step * config.batch_size)
    while state.step < config.steps:
        started = time.perf_counter()
        batch = next(upcoming)
        state.step += 1
        learning_rate = config.learning_rate_at(state.step)
        loss = _backward(base, controlnet, batch, config, state)
        gradient_norm = _update(state, config, learning_rate)
        seconds = time.perf_counter() - started
        is_measured = held_out and _is_due(state.step, config)
        gain = measure_gain(state.result_base, state.result, held_out) if is_measured else None
        yield Step(state.step, loss, learning_rate, gradient_norm, len(batch) / seconds, gain, state)


def split(batch: Batch, parts: int) -> list[Batch]:
    """The batch in `parts` consecutive pieces, as equal as can be."""
    bounds = [round(len(batch) * part / parts) for part in range(parts + 1)]
    return [_rows(batch, slice(start, stop)) for start, stop in pairwise(bounds) if stop > start]


def _backward(base: BaseModel, controlnet: ControlNet, batch: Batch, config: TrainConfig, state: TrainState) -> float:
    """Gradients of the batch's mean loss, part by part; returns the loss."""
    state.optimizer.zero_grad(set_to_none=True)
    total = 0.0
    for part in split(batch, config.accumulation):
        losses = noise_prediction_loss(base, controlnet, part)
        if config.min_snr:
            losses = losses * min_snr_weights(base, part.timesteps, config.min_snr)
        loss = losses.sum() / len(batch)
        loss.backward()  # type: ignore[no-untyped-call]
        total += loss.item()
    _require_finite(total, "loss", state, config)
    return total


def _update(state: TrainState, config: TrainConfig, learning_rate: float) -> float:
    """Clips the gradients and takes the step; returns their norm before clipping."""
    groups = state.optimizer.param_groups
    weights = [weight for group in groups for weight in group["params"]]
    norm = torch.nn.utils.clip_grad_norm_(weights, config.max_grad_norm).item()
    _require_finite(norm, "gradient's norm", state, config)
    for group, rate in zip(groups, (learning_rate, config.base_learning_rate_at(state.step)), strict=False):
        group["lr"] = rate
    state.optimizer.step()
    _average(state, config.ema)
    return norm


@torch.no_grad()
def _average(state: TrainState, decay: float) -> None:
    """Moves the running averages, if any, towards the weights; sooner at the start, where an average knows little."""
    decay = min(decay, (1 + state.step) / (10 + state.step))
    for mean, value in state.averages():
        mean.lerp_(value, 1 - decay)


def _is_due(step: int, config: TrainConfig) -> bool:
    return step == config.steps or (config.gain_every > 0 and step % config.gain_every == 0)


def _require_finite(value: float, what: str, state: TrainState, config: TrainConfig) -> None:
    if value - value != 0:  # nan or infinite
        raise UserError(
            f"the {what} became {value} at step {state.step}: a lower learning rate than {config.learning_rate:g} or a "
            f"longer warm-up than {config.warm_up} steps usually helps"
        )


def _rows(batch: Batch, rows: slice) -> Batch:
    text = batch.text
    return replace(
        batch,
        latents=batch.latents[rows],
        text=Text(
            text.tokens[rows],
            None if text.pooled is None else text.pooled[rows],
            None if text.sizes is None else text.sizes[rows],
        ),
        condition=batch.condition[rows],
        noise=batch.noise[rows],
        timesteps=batch.timesteps[rows],
        names=batch.names[rows],
    )
