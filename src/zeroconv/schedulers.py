"""Samplers by the names people know, built from the base's own noise schedule.

The names stand for diffusers' schedulers; each is made with `from_config` from the base's, as diffusers' users do, so
that a run compares. Refused by name are those that would silently follow another noise schedule than the base's, as
some do with zero terminal signal (arXiv:2305.08891), or that cannot use what its U-Net predicts.
"""

import importlib
import inspect
from copy import deepcopy
from typing import Any

import torch

from zeroconv.errors import UserError, nearest

_SCHEDULERS: dict[str, tuple[str, dict[str, Any]]] = {
    "ddim": ("DDIMScheduler", {}),
    "ddpm": ("DDPMScheduler", {}),
    "euler": ("EulerDiscreteScheduler", {}),
    "euler-karras": ("EulerDiscreteScheduler", {"use_karras_sigmas": True}),
    "euler-a": ("EulerAncestralDiscreteScheduler", {}),
    "dpm++2m": ("DPMSolverMultistepScheduler", {}),
    "dpm++2m-karras": ("DPMSolverMultistepScheduler", {"use_karras_sigmas": True}),
    "dpm++2m-sde": ("DPMSolverMultistepScheduler", {"algorithm_type": "sde-dpmsolver++"}),
    "unipc": ("UniPCMultistepScheduler", {}),
    "pndm": ("PNDMScheduler", {}),
    "heun": ("HeunDiscreteScheduler", {}),
    "lms": ("LMSDiscreteScheduler", {}),
    "deis": ("DEISMultistepScheduler", {}),
    "dpm2": ("KDPM2DiscreteScheduler", {}),
    "dpm2-a": ("KDPM2AncestralDiscreteScheduler", {}),
    "dpm++2s": ("DPMSolverSinglestepScheduler", {}),
    "lcm": ("LCMScheduler", {}),
}


def scheduler_names() -> tuple[str, ...]:
    """Every name `make_scheduler` understands."""
    return tuple(_SCHEDULERS)


def check_scheduler(name: str) -> str:
    """The name as we write it; UserError with the nearest one for an unknown name."""
    written = str(name).strip().lower().replace(" ", "").replace("_", "-")
    if written not in _SCHEDULERS:
        raise UserError(f"unknown scheduler {name!r}; {nearest(written, _SCHEDULERS)}")
    return written


def default_scheduler(own: Any) -> str:
    """The name of the base's own scheduler; ddim where it is one of training (DDPM) or unknown to us."""
    for name, (class_name, extra) in _SCHEDULERS.items():
        if type(own).__name__ == class_name and name != "ddpm" and not extra:
            return name
    return "ddim"


def make_scheduler(name: str, own: Any) -> Any:
    """A new diffusers scheduler of this name with the noise schedule of `own`, the base's scheduler."""
    class_name, extra = _SCHEDULERS[check_scheduler(name)]
    scheduler = getattr(importlib.import_module("diffusers"), class_name)
    if own.config.get("rescale_betas_zero_snr") and not _keeps_zero_snr(scheduler):
        raise UserError(
            f"the scheduler {name} cannot follow this base's noise schedule (zero terminal signal); "
            f"these can: {', '.join(_able())}"
        )
    try:
        made = scheduler.from_config(own.config, **extra)
    except NotImplementedError as error:
        raise UserError(f"the scheduler {name} cannot follow this base's noise schedule: {error}") from error
    _check_noise_levels(name, made, own)
    _check_prediction_type(name, made)
    return made


def check_steps(name: str, scheduler: Any, steps: int) -> None:
    """UserError where this scheduler cannot take so many steps."""
    try:
        deepcopy(scheduler).set_timesteps(steps)
    except ValueError as error:
        raise UserError(f"the scheduler {name} cannot take {steps} steps: {error}") from error


def _check_noise_levels(name: str, made: Any, own: Any) -> None:
    """UserError where the signal left at each time step is not what the base was trained with."""
    ours, theirs = (getattr(scheduler, "alphas_cumprod", None) for scheduler in (made, own))
    if ours is None or theirs is None:
        return
    if len(ours) != len(theirs) or float((ours - theirs).abs().max()) > 1e-4:
        raise UserError(
            f"the scheduler {name} would follow another noise schedule than the base's {type(own).__name__}"
        )


def _check_prediction_type(name: str, made: Any) -> None:
    """UserError where the scheduler cannot use a U-Net that predicts the picture itself; all know the other types."""
    kind = made.config.prediction_type
    if kind != "sample":
        return
    trial, nothing = deepcopy(made), torch.zeros(1, 1, 1, 1)
    trial.set_timesteps(4)
    try:
        for timestep in trial.timesteps[:2]:
            trial.step(nothing, timestep, nothing)
    except (NotImplementedError, ValueError) as error:
        raise UserError(f"the scheduler {name} cannot use this base's prediction type, {kind}; ddim can") from error


def _keeps_zero_snr(scheduler: type) -> bool:
    return "rescale_betas_zero_snr" in inspect.signature(scheduler).parameters


def _able() -> list[str]:
    diffusers = importlib.import_module("diffusers")
    return [name for name, (class_name, _) in _SCHEDULERS.items() if _keeps_zero_snr(getattr(diffusers, class_name))]
