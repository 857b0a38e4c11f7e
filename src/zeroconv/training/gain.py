"""The control gain over training: does the ControlNet use its condition yet, and how much does that help?

On held-out examples with noise and time steps that never change: the loss without control minus the loss with it, and
the loss with another example's condition minus the loss with the right one. Both are zero at the start and, being
paired, vary so little that they show learning long before a picture does. The training loss does not.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor

from zeroconv.base import BaseModel
from zeroconv.control import ControlNet
from zeroconv.data.records import Batch
from zeroconv.objective import Gain, control_gain
from zeroconv.training.bands import Band
from zeroconv.training.precision import Precision, autocast

CONFIDENCE = 0.95
"""Share of intervals that hold the true mean, of a normal sample: Student's t for the mean of paired differences."""


@dataclass(frozen=True)
class BandGain:
    """The control gain at one band of noise levels; intervals are None where a band holds a single example."""

    name: str
    gain: float
    gain_interval: float | None
    shuffled_gain: float
    shuffled_gain_interval: float | None


@dataclass(frozen=True)
class GainPoint:
    """The control gain after one step, as means over the held-out examples with 95 % intervals."""

    step: int
    without: float
    """Loss of the base alone."""
    with_: float
    """Loss with the ControlNet."""
    shuffled: float
    """Loss with the ControlNet reading another example's condition."""
    gain: float
    """without - with_."""
    gain_interval: float
    """Half the width of the 95 % interval of `gain`."""
    shuffled_gain: float
    """shuffled - with_: what the right condition is worth, beyond having a ControlNet at all."""
    shuffled_gain_interval: float
    examples: int = 0
    """How many held-out examples; 0 in tables of before they were counted."""
    bands: tuple[BandGain, ...] = ()
    """The same at low, middle and high noise; none in tables of before they were measured."""


@torch.no_grad()
def measure_gain(
    base: BaseModel, controlnet: ControlNet, held_out: Sequence[Batch], precision: Precision = "fp32"
) -> Gain:
    """The losses of all held-out examples: tensors (number of examples,)."""
    was_training = controlnet.training
    controlnet.eval()
    with autocast(base.device, precision):
        parts = [control_gain(base, controlnet, batch) for batch in held_out]
    controlnet.train(was_training)
    return Gain(
        without=torch.cat([part.without for part in parts]),
        with_=torch.cat([part.with_ for part in parts]),
        shuffled=torch.cat([part.shuffled for part in parts]),
        timesteps=torch.cat([part.timesteps for part in parts]),
    )


def gain_point(step: int, gain: Gain, bands: Sequence[Band] = ()) -> GainPoint:
    """Means and intervals of a measurement, over all examples and per band."""
    helped, lost = gain.without - gain.with_, gain.shuffled - gain.with_
    rows = [(band, band.rows(gain.timesteps)) for band in bands]
    return GainPoint(
        step=step,
        without=gain.without.mean().item(),
        with_=gain.with_.mean().item(),
        shuffled=gain.shuffled.mean().item(),
        gain=helped.mean().item(),
        gain_interval=_interval(helped) or 0.0,
        shuffled_gain=lost.mean().item(),
        shuffled_gain_interval=_interval(lost) or 0.0,
        examples=len(helped),
        bands=tuple(_band_gain(band, helped[inside], lost[inside]) for band, inside in rows if inside.any()),
    )


@cache
def interval_factor(examples: int) -> float:
    """How many standard errors the 95 % interval of a mean reaches to each side: Student's t, 1.96 where unknown."""
    from scipy.stats import t

    return 1.96 if examples < 2 else float(t.ppf(0.5 + CONFIDENCE / 2, examples - 1))


def _band_gain(band: Band, helped: Tensor, lost: Tensor) -> BandGain:
    return BandGain(band.name, helped.mean().item(), _interval(helped), lost.mean().item(), _interval(lost))


def _interval(values: Tensor) -> float | None:
    if len(values) < 2:
        return None
    return interval_factor(len(values)) * values.std().item() / math.sqrt(len(values))
