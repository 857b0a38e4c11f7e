"""The optimisers that a training can take: AdamW, and AdamW whose states are kept in eight bits."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from zeroconv.control import ControlNet
from zeroconv.errors import UserError
from zeroconv.training.config import TrainConfig

NEW = ("condition_encoder", "zero_convolutions", "middle_zero_convolution", "modulation")
"""The parts of a ControlNet, or of a variant of it, that are no copy of the base's."""


def make_optimizer(
    controlnet: ControlNet, unlocked: Sequence[nn.Parameter], config: TrainConfig
) -> torch.optim.Optimizer:
    """The optimiser of `config` over a ControlNet's weights, and those of the base that are trained too.

    Its groups are those whose rates config.rates_at gives. UserError where its package is not installed.
    """
    weights = {name: weight for name, weight in controlnet.named_parameters() if weight.requires_grad}
    new = [weight for name, weight in weights.items() if config.joint_rate != 1 and name.partition(".")[0] in NEW]
    first = [weight for weight in weights.values() if not any(weight is other for other in new)]
    groups: list[dict[str, Any]] = [{"params": part} for part in (first, new, list(unlocked)) if part]
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
    rate = before.get("joint_rate", 1.0)
    if (rate == 1) != (config.joint_rate == 1):
        raise UserError(f"the run was trained with --joint-rate {rate:g}; it cannot go on with {config.joint_rate:g}")


def _bitsandbytes() -> Any:
    try:
        import bitsandbytes
    except ImportError as error:
        raise UserError(
            "--optimizer adamw8bit needs the package bitsandbytes, which is not installed: "
            "pip install 'zeroconv[adamw8bit]'; --optimizer adamw needs none"
        ) from error
    return bitsandbytes
