"""All that a training run is made of at one moment, kept on disk so that it can go on as if nothing had happened.

A state is one file, `state-<step>-<hash>.pt`, written under a temporary name, flushed and renamed. The hash of its
content is in its name: a file that was cut short or altered is recognised and the one before it is used.
"""

import hashlib
import json
import os
import warnings
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from zeroconv.base import BaseModel
from zeroconv.control import ControlNet
from zeroconv.errors import UserError
from zeroconv.training.config import TrainConfig
from zeroconv.training.optimizer import make_optimizer
from zeroconv.training.precision import gradient_scaler
from zeroconv.training.processes import ALONE, Processes
from zeroconv.training.sharding import Whole, collected, distributed_like, optimizer_state_like, spread, whole_copies
from zeroconv.training.unlock import unlock, unlocked_weights

SCHEMA = 1
KEPT = 2
"""States kept on disk: the newest, and the one before it should the newest be damaged."""


@dataclass
class TrainState:
    """What changes while training. The loop owns it; others read it between two steps."""

    controlnet: ControlNet
    """The network in training."""
    averaged: ControlNet | None
    """Its running average; None where config.ema is 0."""
    optimizer: torch.optim.Optimizer
    scaler: torch.amp.GradScaler
    """The loss scale of fp16; idle with other number types."""
    base: BaseModel
    """The base it steers, of which config.unlock names the part that is in training too."""
    averaged_unet: Any = None
    """The U-Net with the running average of that part; None where config.ema is 0 or nothing is unlocked."""
    whole: Whole | None = None
    """Where the weights above are spread over processes: whole ones, as they were when `gather` was last called."""
    step: int = 0
    """Optimiser steps done."""

    @property
    def result(self) -> ControlNet:
        """The network to measure, show and save: the average where there is one."""
        if self.whole is not None:
            return self.whole.controlnet
        return self.controlnet if self.averaged is None else self.averaged

    @property
    def result_base(self) -> BaseModel:
        """The base that belongs to it."""
        unet = self.averaged_unet if self.whole is None else self.whole.unet
        return self.base if unet is None else replace(self.base, unet=unet)

    def gather(self) -> None:
        """Brings the result up to date where weights are spread over processes, all of which come here together."""
        if self.whole is not None:
            learnt = self.base.unet if self.averaged_unet is None else self.averaged_unet
            self.whole.take_over(
                dict((self.controlnet if self.averaged is None else self.averaged).named_parameters()),
                dict(self.base.unet.named_parameters())
                | {name: learnt.get_parameter(name) for name in unlocked_weights(self.base)},
            )

    def averages(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Every running average with the weight in training that it follows."""
        if self.averaged is not None:
            yield from zip(self.averaged.parameters(), self.controlnet.parameters(), strict=True)
        if self.averaged_unet is not None:
            for name, weight in unlocked_weights(self.base).items():
                yield self.averaged_unet.get_parameter(name), weight


def fresh_state(
    controlnet: ControlNet, config: TrainConfig, base: BaseModel, processes: Processes = ALONE
) -> TrainState:
    """The state before the first step: an optimiser over the ControlNet's parameters, and over those of the base that
    config.unlock names; the base's others are locked. Where that is trained by several processes, ControlNet and U-Net
    are spread over them."""
    unlock(base, config.unlock)
    is_unlocked = config.unlock != "none"
    averaged = deepcopy(controlnet).requires_grad_(False) if config.ema else None
    averaged_unet = deepcopy(base.unet).requires_grad_(False) if config.ema and is_unlocked else None
    whole = None
    if is_unlocked and processes.count > 1:
        whole = whole_copies(controlnet, base.unet)
        spread([one for one in (controlnet, base.unet, averaged, averaged_unet) if one is not None])
    optimizer = make_optimizer(controlnet, list(unlocked_weights(base).values()), config)
    scaler = gradient_scaler(next(controlnet.parameters()).device, config.precision)
    return TrainState(controlnet, averaged, optimizer, scaler, base, averaged_unet, whole)


def to_record(state: TrainState, config: TrainConfig, about: dict[str, Any] | None = None) -> dict[str, Any]:
    """A state as plain containers of tensors, sharing memory with it; `about` is kept beside it for the reader.

    Where weights are spread over processes, all come here together, and the first has the tensors.
    """
    return {
        "schema": SCHEMA,
        "step": state.step,
        "config": asdict(config),
        "about": json.loads(json.dumps(about or {})),  # plain values only, so that reading it back runs no code
        "controlnet": collected(state.controlnet.state_dict()),
        "averaged": None if state.averaged is None else collected(state.averaged.state_dict()),
        "base": _unlocked_part(state, state.base.unet),
        "averaged_base": None if state.averaged_unet is None else _unlocked_part(state, state.averaged_unet),
        "optimizer": collected(state.optimizer.state_dict()),
        "scaler": state.scaler.state_dict(),
        "rng": {
            "cpu": torch.get_rng_state(),
            "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
        },
    }


def restore(state: TrainState, record: dict[str, Any]) -> None:
    """Puts a record into a fresh state, and the global random generators where they were."""
    if record.get("schema") != SCHEMA:
        raise UserError(f"this state has schema {record.get('schema')}, this version reads schema {SCHEMA}")
    load_weights(state.controlnet, record["controlnet"], "the saved ControlNet")
    if state.averaged is not None:
        load_weights(state.averaged, record["averaged"] or record["controlnet"], "the saved average")
    _load_unlocked(state, record)
    state.optimizer.load_state_dict(optimizer_state_like(record["optimizer"], state.optimizer))
    if scale := record.get("scaler"):  # none in a state of another number type
        state.scaler.load_state_dict(scale)
    state.step = record["step"]
    torch.set_rng_state(record["rng"]["cpu"])
    if torch.cuda.is_available() and len(record["rng"]["cuda"]) == torch.cuda.device_count():
        torch.cuda.set_rng_state_all(record["rng"]["cuda"])


def load_weights(module: nn.Module, values: dict[str, Any], what: str) -> None:
    """Puts saved values into all of a network's weights and buffers; UserError where `what` does not fit it."""
    try:
        _load_into(module, values)
    except RuntimeError as error:
        raise UserError(
            f"{what} does not fit this base and condition: {str(error).splitlines()[-1].strip()}"
        ) from error


def save_state(folder: Path, record: dict[str, Any], keep: int = KEPT) -> Path:
    """Writes a record into `folder`, whole or not at all, then removes all but the newest `keep`.

    Raises OSError where it cannot be written, a full disk above all; the states before are still there then.
    """
    folder.mkdir(parents=True, exist_ok=True)
    temporary = folder / ".writing.pt"  # a constant name: torch.save writes it into the file
    try:
        torch.save(record, temporary)
        _flush(temporary)
        path = folder / f"state-{record['step']:08d}-{_hash(temporary)}.pt"
        temporary.replace(path)
    except RuntimeError as error:  # what torch makes of a full disk
        raise OSError(
            f"the state could not be written to {folder}; is the disk full? The one before is kept"
        ) from error
    finally:
        temporary.unlink(missing_ok=True)
    for old in list(_newest_first(folder))[keep:]:
        old.unlink()
    return path


def load_newest(folder: Path) -> dict[str, Any] | None:
    """The newest undamaged record of `folder`, None where there is none; warns about every damaged one it passes."""
    for path in _newest_first(folder):
        if _hash(path) == path.stem.rpartition("-")[2]:
            record: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
            return record
        warnings.warn(f"{path} is damaged; going back to the state before it", stacklevel=2)
    return None


def saved_steps(folder: Path) -> list[int]:
    """The steps of the states on disk, newest first."""
    return [int(path.stem.split("-")[1]) for path in _newest_first(folder)]


def _newest_first(folder: Path) -> Iterator[Path]:
    yield from sorted(folder.glob("state-*.pt"), reverse=True)


def _unlocked_part(state: TrainState, unet: nn.Module) -> dict[str, Tensor]:
    """The weights in training of a U-Net like the base's; empty where that is locked."""
    weights: dict[str, Tensor] = collected({name: unet.get_parameter(name) for name in unlocked_weights(state.base)})
    return {name: weight.detach() for name, weight in weights.items()}


def _load_unlocked(state: TrainState, record: dict[str, Any]) -> None:
    values = record.get("base") or {}  # none in states of before there was anything to unlock
    if values.keys() != unlocked_weights(state.base).keys():
        raise UserError("the saved state has other unlocked weights of the base than these settings ask for")
    _load_into(state.base.unet, values, strict=False)
    if state.averaged_unet is not None:
        _load_into(state.averaged_unet, record["averaged_base"] or values, strict=False)


def _load_into(module: nn.Module, values: dict[str, Any], *, strict: bool = True) -> None:
    module.load_state_dict(distributed_like(values, module.state_dict()), strict=strict)


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]


def _flush(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
