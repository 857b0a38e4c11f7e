"""The one loop that trains every system of the comparison; what each makes small is its own `losses`.

As in zeroconv.training a generator of steps, whose state is kept on disk: a run that was killed at any moment goes on
as if nothing had happened, bitwise on a CPU with as many threads.
"""

import math
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from zeroconv.comparisons.rival import Rival
from zeroconv.data.records import Batch
from zeroconv.errors import UserError
from zeroconv.training.config import TrainConfig
from zeroconv.training.loop import SeekableBatches, move_averages
from zeroconv.training.state import load_newest, load_weights, save_state


@dataclass(frozen=True)
class Plan:
    """How a system is trained. What a field means and may be is that of TrainConfig; UserError for other values."""

    steps: int
    """Optimiser steps in all."""
    batch_size: int
    """Examples per optimiser step: those of the batches that it is trained with."""
    learning_rate: float
    """Step size of AdamW once warmed up."""
    warm_up: int = 0
    """Steps over which the learning rate rises linearly from zero."""
    decay: float = 0.0
    """Share of the steps, at the end, over which the learning rate falls to zero along a cosine."""
    weight_decay: float = 0.01
    """Decoupled weight decay of AdamW."""
    max_grad_norm: float = 1.0
    """Gradients whose norm is larger are scaled down to this."""
    ema: float = 0.0
    """Decay of the running average that takes the weights' place with the last step; 0: the weights stay."""
    save_every: int = 500
    """Steps between saved states from which it goes on."""
    prepared: int = 8
    """Batches, the first of the training, that the system sees in `prepare`; of this module alone."""

    def __post_init__(self) -> None:
        """Check what is there to check."""
        if self.prepared < 0:
            raise UserError(f"prepared must not be negative; got {self.prepared}")
        _ = self.settings

    @cached_property
    def settings(self) -> TrainConfig:
        """The same as the settings of a ControlNet's training: their checks and their learning rates."""
        shared = {one.name for one in fields(TrainConfig)} & {one.name for one in fields(self)}
        return TrainConfig(**{name: getattr(self, name) for name in shared})


@dataclass(frozen=True)
class Learnt:
    """One optimiser step, done."""

    step: int
    """Counted from 1 over the whole training, resumed or not."""
    loss: float
    """Mean of the system's losses over the batch, before the step."""
    samples_per_second: float
    """Of this step alone."""


def learn(rival: Rival, batches: SeekableBatches, plan: Plan, *, folder: Path) -> Iterator[Learnt]:
    """Trains `rival` in place up to plan.steps, from the newest state in `folder` where there is one.

    Before the first step the system prepares itself from the first batches. States are in `folder` before the step
    they hold is handed out; with the last step the system has its average, if plan.ema asks for one. UserError where
    `folder` holds another training, or loss or gradient is no finite number any more.
    """
    training = _Training(rival, plan)
    if (record := load_newest(folder)) is not None:
        training.restore(record, folder)
    else:
        with torch.no_grad():
            rival.prepare(list(islice(batches.starting(0), plan.prepared)))
    upcoming = batches.starting(training.step * plan.batch_size)
    while training.step < plan.steps:
        started = time.perf_counter()
        loss = training.take(next(upcoming))
        seconds = time.perf_counter() - started
        if training.step % plan.save_every == 0 or training.is_done:
            save_state(folder, training.record())
        if training.is_done:
            training.finish()
        yield Learnt(training.step, loss, plan.batch_size / seconds)


class _Training:
    """All that changes while a system learns."""

    def __init__(self, rival: Rival, plan: Plan) -> None:
        self.rival, self.plan, self.step = rival.eval(), plan, 0
        self.weights = {name: weight for name, weight in rival.named_parameters() if weight.requires_grad}
        self.averages = {name: weight.detach().clone() for name, weight in self.weights.items()} if plan.ema else {}
        weights = list(self.weights.values())
        is_fused = weights[0].device.type in ("cpu", "cuda")
        self.optimizer = torch.optim.AdamW(
            weights, lr=plan.learning_rate, weight_decay=plan.weight_decay, fused=is_fused
        )

    @property
    def is_done(self) -> bool:
        return self.step == self.plan.steps

    def take(self, batch: Batch) -> float:
        """Takes one step; returns the loss before it."""
        assert len(batch) == self.plan.batch_size, "where it goes on is counted in batches of the plan's size"
        self.step += 1
        self.rival.train()
        self.optimizer.zero_grad(set_to_none=True)
        loss = self.rival.losses(batch).mean()
        loss.backward()  # type: ignore[no-untyped-call]
        norm = nn.utils.clip_grad_norm_(self.weights.values(), self.plan.max_grad_norm)
        self._check(loss, norm)
        self.optimizer.param_groups[0]["lr"] = self.plan.settings.learning_rate_at(self.step)
        self.optimizer.step()
        move_averages(((mean, self.weights[name]) for name, mean in self.averages.items()), self.step, self.plan.ema)
        self.rival.eval()
        return loss.item()

    @torch.no_grad()
    def finish(self) -> None:
        """The average, where there is one, takes the weights' place."""
        for name, mean in self.averages.items():
            self.weights[name].copy_(mean)

    def record(self) -> dict[str, Any]:
        """The state as plain containers of tensors, sharing memory with it."""
        return {
            "step": self.step,
            "about": self._about(),
            "rival": self.rival.state_dict(),
            "averages": self.averages,
            "optimizer": self.optimizer.state_dict(),
        }

    def restore(self, record: dict[str, Any], folder: Path) -> None:
        """Puts a record into its place."""
        about = self._about()
        if changed := [key for key, value in about.items() if record["about"].get(key) != value]:
            had = ", ".join(f"{key} {record['about'].get(key)}, not {about[key]}" for key in changed)
            raise UserError(f"{folder} holds another training, of {had}; take another folder or what it was begun with")
        load_weights(self.rival, record["rival"], f"the state in {folder}")
        for name, mean in self.averages.items():
            mean.copy_(record["averages"][name])
        self.optimizer.load_state_dict(record["optimizer"])
        self.step = record["step"]
        if self.is_done:
            self.finish()

    def _about(self) -> dict[str, Any]:
        """What must be the same where a training goes on."""
        return {"system": self.rival.name, "base": self.rival.base.fingerprint(), **asdict(self.plan)}

    def _check(self, loss: Tensor, norm: Tensor) -> None:
        """UserError where one of them is no finite number."""
        for what, value in (("loss", loss.item()), ("gradient's norm", norm.item())):
            if not math.isfinite(value):
                raise UserError(
                    f"the {what} of {self.rival.name} became {value} at step {self.step}: a lower learning rate than "
                    f"{self.plan.learning_rate:g} or a longer warm-up than {self.plan.warm_up} steps usually helps"
                )
