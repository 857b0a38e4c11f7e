"""The training loop: eq. 5 of the paper minimised over the ControlNet's weights, the base locked unless unlocked.

A generator of steps: what is logged, saved, shown and when to stop is the business of the caller's `for` body.
"""

import math
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from zeroconv.base import BaseModel
from zeroconv.control import ControlNet, Text
from zeroconv.data.ahead import ReadAhead
from zeroconv.data.batches import share
from zeroconv.data.records import Batch
from zeroconv.errors import UserError
from zeroconv.objective import Gain, min_snr_weights, noise_prediction_loss
from zeroconv.training.config import TrainConfig
from zeroconv.training.finite import origin_in_batch, origin_in_networks, origin_of_gradients
from zeroconv.training.gain import measure_gain
from zeroconv.training.precision import autocast
from zeroconv.training.processes import ALONE, Processes
from zeroconv.training.sharding import together
from zeroconv.training.state import TrainState, fresh_state, restore
from zeroconv.variants import MiddleControlNet


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
    processes: Processes = ALONE,
) -> Iterator[Step]:
    """Trains `controlnet` in place, up to config.steps; with `resume`, a saved record, from where that was.

    Of the base the part that config.unlock names is trained in place too; everything else in it stays as it is.
    The interrupted and resumed training is bitwise the uninterrupted one. Several `processes` whose `batches` are each
    its share of the same ones take the steps of one, but for rounding; where the base is trained too, its U-Net and
    `controlnet` are spread over them, and state.result is whole. Raises UserError when the loss or a gradient is no
    longer a finite number, and says where that began.
    """
    state = fresh_state(controlnet, config, base, processes)
    if resume is not None:
        restore(state, resume)
    controlnet.train()
    if config.checkpointing:
        controlnet.enable_gradient_checkpointing()
    network: Any = controlnet
    if state.whole is None:
        network = processes.joined(controlnet, has_idle_weights=isinstance(controlnet, MiddleControlNet))
    training = _Training(base, network, config, state, processes)
    with ReadAhead(batches.starting(state.step * config.batch_size)) as upcoming:
        while state.step < config.steps:
            started = time.perf_counter()
            batch = upcoming.take()
            state.step += 1
            if config.read_ahead and state.step < config.steps:
                upcoming.begin()
            learning_rate = config.learning_rate_at(state.step)
            loss, gradient_norm = training.gradients(batch)
            training.update()
            upcoming.settle()
            seconds = time.perf_counter() - started
            is_due = _is_due(state.step, config)
            if is_due:
                state.gather()
            gain = None
            if held_out and is_due:
                gain = measure_gain(state.result_base, state.result, held_out, config.precision)
            yield Step(state.step, loss, learning_rate, gradient_norm, config.batch_size / seconds, gain, state)


@torch.no_grad()
def move_averages(averages: Iterable[tuple[Tensor, Tensor]], step: int, decay: float) -> None:
    """Moves each running average towards its weight; sooner at the start, where an average knows little."""
    decay = min(decay, (1 + step) / (10 + step))
    for mean, value in averages:
        mean.lerp_(value, 1 - decay)


def split(batch: Batch, parts: int) -> list[Batch]:
    """The batch in `parts` consecutive pieces, as equal as can be."""
    pieces = [share(len(batch), part, parts) for part in range(parts)]
    return [_rows(batch, rows) for rows in pieces if rows.stop > rows.start]


@dataclass(frozen=True)
class _Training:
    """What one step is made of; the state within it moves."""

    base: BaseModel
    network: Any
    """The ControlNet, or what sums its gradients over the processes."""
    config: TrainConfig
    state: TrainState
    processes: Processes

    def gradients(self, batch: Batch) -> tuple[float, float]:
        """Clipped gradients of the batch's mean loss; returns the loss, and their norm before clipping.

        Those of fp16 that overflow are computed anew with half the loss scale, so that no step goes by without them.
        """
        controlnet, scaler = self.state.controlnet, self.state.scaler
        weights = [weight for group in self.state.optimizer.param_groups for weight in group["params"]]
        while True:
            loss = self._backward(batch)
            if not math.isfinite(loss):
                agreed = self.processes.first_word
                origin = agreed(origin_in_batch(batch)) or agreed(
                    origin_in_networks(self.base, controlnet, batch, self.config.precision)
                )
                raise self._diverged(f"loss became {loss}", origin)
            scaler.unscale_(self.state.optimizer)
            norm = together(nn.utils.get_total_norm([weight.grad for weight in weights if weight.grad is not None]))
            if math.isfinite(norm.item()):
                if norm.item() + 1e-6 > self.config.max_grad_norm:  # else torch would multiply all of them by one
                    nn.utils.clip_grads_with_norm_(weights, self.config.max_grad_norm, norm)
                return loss, norm.item()
            if scaler.get_scale() <= 1:
                origin = origin_of_gradients(self.base, controlnet)
                raise self._diverged(f"gradient's norm became {norm.item()}", origin)
            scaler.update()

    def update(self) -> None:
        """Takes the step."""
        rates = self.config.rates_at(self.state.step)
        for group, rate in zip(self.state.optimizer.param_groups, rates, strict=False):  # a locked base has no group
            group["lr"] = rate
        self.state.scaler.step(self.state.optimizer)
        self.state.scaler.update()
        move_averages(self.state.averages(), self.state.step, self.config.ema)

    def _backward(self, batch: Batch) -> float:
        """Gradients of the mean loss over all processes' examples, part by part; returns the loss."""
        self.state.optimizer.zero_grad(set_to_none=True)
        *parts, last = split(batch, self.config.accumulation)
        with self.processes.without_sum(self.network):
            losses = [self._backward_part(part) for part in parts]
        return self.processes.total(sum([*losses, self._backward_part(last)]))

    def _backward_part(self, part: Batch) -> float:
        with autocast(self.base.device, self.config.precision):
            losses = noise_prediction_loss(self.base, self.network, part)
            if self.config.min_snr:
                losses = losses * min_snr_weights(self.base, part.timesteps, self.config.min_snr)
            loss = losses.sum() / self.config.batch_size
        scaled = self.state.scaler.scale(loss * self.processes.count)  # the processes' gradients are averaged
        scaled.backward()  # type: ignore[no-untyped-call]
        return loss.item()

    def _diverged(self, what: str, origin: str | None) -> UserError:
        config = self.config
        first = f"; the first value that is not finite is in {origin}" if origin else ""
        other_type = " --precision bf16," if config.precision == "fp16" else ""
        return UserError(
            f"the {what} at step {self.state.step}:{other_type} a lower learning rate than {config.learning_rate:g} or "
            f"a longer warm-up than {config.warm_up} steps usually helps{first}"
        )


def _is_due(step: int, config: TrainConfig) -> bool:
    return step == config.steps or (config.gain_every > 0 and step % config.gain_every == 0)


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
