"""The settings of a training run, each with the sentence that the command line's help and the documents show.

Learning rates are for AdamW. The paper trains with 1e-5 at the size of SD 1.5 (section 3.4 and the released tutorial).
"""

import math
from dataclasses import dataclass
from typing import Any, Literal

import torch

from zeroconv.errors import UserError
from zeroconv.number_types import fastest_type
from zeroconv.training.precision import TYPES, Precision

_POSITIVE = (
    "learning_rate",
    "batch_size",
    "steps",
    "accumulation",
    "max_grad_norm",
    "save_every",
    "log_every",
    "base_learning_rate",
    "crops",
    "buckets",
    "timestep_power",
    "joint_rate",
)
_NOT_NEGATIVE = (
    "min_snr",
    "warm_up",
    "weight_decay",
    "gain_every",
    "preview_every",
    "seed",
    "expect_control_by",
    "patience",
    "shuffle_window",
)
_SHARES = ("prompt_drop", "flip", "decay", "ema")


@dataclass(frozen=True)
class TrainConfig:
    """How a ControlNet is trained. Raises UserError for values that make no sense."""

    steps: int = 10_000
    """Optimiser steps in all. The paper's models converge suddenly, usually before 10,000."""
    learning_rate: float = 1e-5
    """Step size of AdamW once warmed up: 1e-5 for Stable Diffusion, far more for the embedded base."""
    batch_size: int = 4
    """Examples per optimiser step. A larger batch helps more than more steps."""
    accumulation: int = 1
    """Parts in which a batch is computed one after the other: less memory, the same gradient."""
    joint_rate: float = 1.0
    """Step size of what is new (zero convolutions, condition encoder) as a multiple of that of the trainable copy."""
    warm_up: int = 0
    """Steps over which the learning rate rises linearly from zero."""
    decay: float = 0.0
    """Share of the steps, at the end, over which the learning rate falls to zero along a cosine; 0: constant."""
    prompt_drop: float = 0.5
    """Share of prompts replaced by the empty one, so that the ControlNet learns to read the condition by itself."""
    timestep_power: float = 1.0
    """Time steps are drawn as a power of an even chance: 1 spreads them evenly, 0.5 prefers the noisy ones, where the
    layout is decided."""
    flip: float = 0.0
    """Share of the samples that are mirrored: picture, condition, and the words left and right in the caption."""
    crop: Literal["centre", "random"] = "centre"
    """centre: what exceeds the training size is cut off evenly; random: pictures are cut at places drawn by chance."""
    crops: int = 4
    """Random crops kept of each picture, of which every epoch draws one: as many times the cache's size and filling."""
    buckets: int = 1
    """Sizes at most, all of nearly the training area, to which pictures are cut by their shapes; 1: squares alone."""
    sample_latents: bool = False
    """Train on samples of the autoencoder's posterior, drawn anew each epoch, in place of its mean."""
    weight_decay: float = 0.01
    """Decoupled weight decay of AdamW."""
    max_grad_norm: float = 1.0
    """Gradients whose norm is larger are scaled down to this."""
    ema: float = 0.0
    """Decay of the running average of the weights that is saved in their place, e.g. 0.999; 0 saves the weights."""
    variant: Literal["full", "lite", "gaussian", "middle", "modulation"] = "full"
    """Architecture: full is the paper's. For comparison lite (a convolution in place of each block of the copy),
    gaussian (joints that do not start at zero), middle (nothing but the middle is steered, for small data) and
    modulation (the condition as one vector)."""
    min_snr: float = 0.0
    """Gamma of min-SNR weights (arXiv 2303.09556), e.g. 5: the loss counts less where there is little noise; 0: all
    counts alike."""
    unlock: Literal["none", "decoder", "all"] = "none"
    """Part of the base's U-Net that is trained too, once the ControlNet has learnt; none leaves the base locked."""
    base_learning_rate: float = 2e-6
    """Step size of AdamW for the unlocked part of the base, warmed up and decayed as the other."""
    precision: Precision = "fp32"
    """Number type of a step's products and of a locked base; what is trained and the optimiser stay fp32. Bases of
    Stable Diffusion's size take bf16 by themselves where the device multiplies in it."""
    checkpointing: bool = False
    """Whether the trainable copy computes its activations again for the gradient: less memory, more time."""
    optimizer: Literal["adamw", "adamw8bit"] = "adamw"
    """adamw8bit keeps its two averages in 8 bits, a quarter of the memory; needs pip install 'zeroconv[adamw8bit]'."""
    shuffle_window: int = 0
    """Files of the cache, 128 examples each, that an epoch mixes at a time, e.g. 64, for data far larger than memory on
    disks that read fastest in sequence; 0: all examples in any order."""
    read_ahead: bool = True
    """Whether the next batch is read in a thread of its own while a step computes; the batches are the same."""
    seed: int = 0
    """Decides the order of the examples, all that is drawn for them (noise, crops ...), and the new weights."""
    gain_every: int = 250
    """Steps between measurements of the control gain on held-out examples; 0 measures at the start and the end."""
    save_every: int = 500
    """Steps between saved states from which --resume goes on; the last two are kept."""
    preview_every: int = 1000
    """Steps between pictures made with the ControlNet; 0 makes none."""
    log_every: int = 1
    """Steps between lines of log.jsonl."""
    expect_control_by: int = 10_000
    """Steps after which likely causes are named if the condition is not used yet; 0 never warns."""
    patience: int = 0
    """Measurements without a better control gain, once control has set in, that end the training early; 0: none do."""
    keep: Literal["best", "last"] = "best"
    """best: beside the last ControlNet the one of the highest control gain is kept, in best/; last: only the last."""

    def __post_init__(self) -> None:
        for name in _POSITIVE:
            _require(getattr(self, name) > 0, name, "be above 0", self)
        for name in _NOT_NEGATIVE:
            _require(getattr(self, name) >= 0, name, "not be negative", self)
        for name in _SHARES:
            _require(0 <= getattr(self, name) <= 1, name, "lie between 0 and 1", self)
        _require(self.ema < 1, "ema", "be below 1", self)
        if self.batch_size % self.accumulation:
            raise UserError(
                f"accumulation must divide batch_size; got {self.accumulation} parts of {self.batch_size} examples"
            )

    @property
    def locked_type(self) -> torch.dtype | None:
        """The number type of a locked U-Net in training; None: its own, as where it is trained too."""
        return TYPES.get(self.precision) if self.unlock == "none" else None

    def learning_rate_at(self, step: int) -> float:
        """The learning rate of step `step`, counted from 1."""
        return self._scheduled(self.learning_rate, step)

    def rates_at(self, step: int) -> list[float]:
        """The learning rates of the groups that training.optimizer makes, the last for a base that is unlocked."""
        joints = [] if self.joint_rate == 1 else [self.joint_rate * self.learning_rate]
        return [self._scheduled(rate, step) for rate in (self.learning_rate, *joints, self.base_learning_rate)]

    def _scheduled(self, peak: float, step: int) -> float:
        warm = min(1.0, step / (self.warm_up + 1))
        decaying = self.decay * self.steps
        left = self.steps - step
        fall = 0.5 - 0.5 * math.cos(math.pi * (left + 0.5) / decaying) if left + 0.5 < decaying else 1.0
        return peak * warm * fall


SMALL = 100_000_000
"""Bases whose U-Net has fewer parameters are small: the embedded one has some millions, SD 1.5 has 860 million."""


def defaults_for(num_parameters: int, device: torch.device) -> dict[str, Any]:
    """Settings that suit a U-Net of this size, there, better than the general ones: small ones take far larger steps,
    large ones short products where the device is good at them."""
    if num_parameters >= SMALL:
        return {"precision": "bf16"} if fastest_type(device) == "bfloat16" else {}
    return {
        "steps": 6000,
        "learning_rate": 1.2e-3,
        "base_learning_rate": 1e-4,
        "batch_size": 4,
        "warm_up": 20,
        "decay": 0.4,
        "ema": 0.98,
        "save_every": 500,
        "expect_control_by": 2000,
    }


def _require(is_met: bool, name: str, rule: str, config: TrainConfig) -> None:
    if not is_met:  # also for nan
        raise UserError(f"{name} must {rule}; got {getattr(config, name)}")
