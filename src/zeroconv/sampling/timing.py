"""When a control acts, and how its strength runs over the sampling.

A window is counted in steps, as diffusers' control_guidance_start and control_guidance_end, or in noise, as ComfyUI's
start_percent and end_percent. The two agree only where the sampler's steps are evenly spaced in time: under Karras'
schedule half of the steps is far less than half of the noise.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

from torch import Tensor

from zeroconv.checked import is_list, number_list
from zeroconv.errors import UserError, nearest

Window = Literal["steps", "noise"]
Schedule = str | tuple[float, ...]

SCHEDULES: dict[str, Callable[[float], float]] = {
    "constant": lambda share: 1.0,
    "linear": lambda share: 1 - share,
    "cosine": lambda share: (1 + math.cos(math.pi * share)) / 2,
}
"""Name -> factor on the strength, from the share of the window that is over."""


@dataclass(frozen=True)
class Moment:
    """Where in the sampling a prediction is asked for."""

    timestep: Tensor
    """() the noise level as the scheduler counts it."""
    step: int
    """This step's number, from 0."""
    steps: int
    """How many steps there are; with second-order schedulers more than were asked for."""
    sigma: float | None = None
    """The noise level as standard deviation over signal, where the scheduler works with it."""
    noise: float | None = None
    """The time step as a share of those of training: 1 pure noise, 0 almost none."""


def is_inside(moment: Moment, window: Window, start: float, end: float) -> bool:
    """Whether a control whose window is [start, end] acts at this moment.

    steps   diffusers' rule: the whole step lies within
    noise   ComfyUI's rule: of T time steps of training, t lies between (1 - start)(T - 1) and (1 - end)(T - 1); a start
            of 0 and an end of 1 are no bound
    """
    if window == "steps":
        return not (moment.step / moment.steps < start or (moment.step + 1) / moment.steps > end)
    share = _share_of_noise(moment)
    return not ((start > 0 and share < start) or (end < 1 and share > end))


def factor(schedule: Schedule, moment: Moment, window: Window, start: float, end: float) -> float:
    """What the strength is multiplied by at this moment: a named course, or numbers joined by straight lines, the
    first at the beginning of the window and the last at its end."""
    if schedule == "constant":
        return 1.0
    at = moment.step / max(1, moment.steps - 1) if window == "steps" else _share_of_noise(moment)
    share = min(1.0, max(0.0, (at - start) / (end - start))) if end > start else 0.0
    return SCHEDULES[schedule](share) if isinstance(schedule, str) else _interpolated(schedule, share)


def check_window(window: object, of: str) -> Window:
    """steps or noise; UserError for anything else."""
    if window not in get_args(Window):
        raise UserError(f"{of}: unknown window {window!r}; {nearest(str(window), get_args(Window))}")
    return window  # type: ignore[return-value]


def check_schedule(schedule: object, of: str) -> Schedule:
    """A course by its name, or a tuple of numbers; UserError for anything else."""
    if is_list(schedule):
        return number_list(f"schedule of {of}", schedule)
    if schedule not in SCHEDULES:
        known = nearest(str(schedule), SCHEDULES)
        raise UserError(f"{of}: unknown schedule {schedule!r}; {known}, or numbers as 1/0.5/0")
    return str(schedule)


def _share_of_noise(moment: Moment) -> float:
    """0 where the sampling begins, at pure noise, 1 where no noise is left."""
    if moment.noise is None:
        raise UserError("a window in noise needs moments that know their share of noise, as those of `sample` do")
    return 1 - moment.noise


def _interpolated(numbers: tuple[float, ...], share: float) -> float:
    position = share * (len(numbers) - 1)
    before = min(int(position), max(0, len(numbers) - 2))
    after = min(before + 1, len(numbers) - 1)
    return numbers[before] + (position - before) * (numbers[after] - numbers[before])
