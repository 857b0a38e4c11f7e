"""The optimisers that a training can take: AdamW, and AdamW whose states are kept in eight bits."""

from collections.abc import Sequence
from typing import Any

import torch

from zeroconv.errors import UserError
from zeroconv.training.config import TrainConfig


def make_optimizer(groups: Sequence[dict[str, Any]], config: TrainConfig) -> torch.optim.Optimizer:
    """The optimiser of `config` over groups of parameters. UserError where its package is not installed.

    groups: as torch's optimisers take them; one without a learning rate of its own has that of `config`.
    """
    settings: dict[str, Any] = {"lr": config.learning_rate, "weight_decay": config.weight_decay}
    if config.optimizer == "adamw8bit":
        eight_bit: torch.optim.Optimizer = _bitsandbytes().optim.AdamW8bit(groups, **settings)
        return eight_bit
    device = groups[0]["params"][0].device
    return torch.optim.AdamW(groups, **settings, fused=device.type in ("cpu", "cuda"))


def check_optimizer(config: TrainConfig) -> None:
    """Raises UserError where the optimiser's package is not installed, before time is spent on anything else."""
    if config.optimizer == "adamw8bit":
        _bitsandbytes()


def check_same_optimizer(before: dict[str, Any], config: TrainConfig) -> None:
    """Raises UserError where a run would go on with the states of another optimiser. before: its saved settings."""
    was = before.get("optimizer", "adamw")
    if was != config.optimizer:
        raise UserError(f"the run was trained with --optimizer {was}; it cannot go on with {config.optimizer}")


def _bitsandbytes() -> Any:
    try:
        import bitsandbytes
    except ImportError as error:
        raise UserError(
            "--optimizer adamw8bit needs the package bitsandbytes, which is not installed: "
            "pip install 'zeroconv[adamw8bit]'; --optimizer adamw needs none"
        ) from error
    return bitsandbytes
