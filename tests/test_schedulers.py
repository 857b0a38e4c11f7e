"""Samplers by name, made from the base's own noise schedule as diffusers makes them."""

import warnings
from typing import Any

import pytest
from diffusers import DDIMScheduler, DDPMScheduler, DPMSolverMultistepScheduler, PNDMScheduler, UniPCMultistepScheduler

from zeroconv.errors import UserError
from zeroconv.schedulers import check_scheduler, check_steps, default_scheduler, make_scheduler, scheduler_names

# torch's tensors do not know numpy's newest protocol; diffusers converts them all the same.
pytestmark = pytest.mark.filterwarnings("ignore:__array_:DeprecationWarning")

FALL_BACK = ("pndm", "heun", "lms", "deis", "dpm2", "dpm2-a", "dpm++2s")
"""What ignores zero terminal signal and follows another noise schedule."""


def own(**changes: Any) -> DDIMScheduler:
    schedule = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear", "steps_offset": 1}
    return DDIMScheduler(clip_sample=False, set_alpha_to_one=False, **{**schedule, **changes})


@pytest.mark.parametrize("name", scheduler_names())
def test_every_name_makes_a_scheduler_with_the_bases_schedule(name: str) -> None:
    base = own(prediction_type="v_prediction", timestep_spacing="trailing")
    made = make_scheduler(name, base)
    assert made.config.prediction_type == "v_prediction"
    assert made.config.timestep_spacing == "trailing"
    assert (made.alphas_cumprod - base.alphas_cumprod).abs().max() < 1e-6


@pytest.mark.parametrize("name", [name for name in scheduler_names() if name not in FALL_BACK])
def test_zero_terminal_signal_is_kept(name: str) -> None:
    base = own(rescale_betas_zero_snr=True, timestep_spacing="trailing", prediction_type="v_prediction")
    assert float(make_scheduler(name, base).alphas_cumprod[-1]) < 1e-6


@pytest.mark.parametrize("name", FALL_BACK)
def test_what_would_fall_back_to_another_schedule_is_refused(name: str) -> None:
    base = own(rescale_betas_zero_snr=True, timestep_spacing="trailing", prediction_type="v_prediction")
    with pytest.raises(UserError, match=r"cannot follow this base's noise schedule.*ddim"):
        make_scheduler(name, base)


@pytest.mark.parametrize("name", ["pndm", "dpm2"])
def test_what_cannot_use_the_prediction_is_refused(name: str) -> None:
    with pytest.raises(UserError, match=f"the scheduler {name} cannot use this base's prediction type, sample"):
        make_scheduler(name, own(prediction_type="sample"))
    assert make_scheduler("ddim", own(prediction_type="sample")).config.prediction_type == "sample"


def test_another_noise_schedule_is_refused_by_name() -> None:
    base = own()
    base.alphas_cumprod = base.alphas_cumprod * 0.9
    with pytest.raises(UserError, match="the scheduler euler would follow another noise schedule than the base's DDIM"):
        make_scheduler("euler", base)


def test_few_step_schedulers_have_a_limit() -> None:
    check_steps("lcm", make_scheduler("lcm", own()), 4)
    with pytest.raises(UserError, match="the scheduler lcm cannot take 60 steps"):
        check_steps("lcm", make_scheduler("lcm", own()), 60)


def test_variants_differ_from_their_plain_form() -> None:
    assert make_scheduler("dpm++2m-karras", own()).config.use_karras_sigmas
    assert not make_scheduler("dpm++2m", own()).config.use_karras_sigmas


def test_spellings_and_unknown_names() -> None:
    assert check_scheduler(" Euler_A ") == "euler-a"
    with pytest.raises(UserError, match="unknown scheduler 'dmp\\+\\+2m'; did you mean 'dpm\\+\\+2m'"):
        check_scheduler("dmp++2m")


@pytest.mark.parametrize(
    ("scheduler", "name"),
    [
        (DDIMScheduler, "ddim"),
        (PNDMScheduler, "pndm"),
        (UniPCMultistepScheduler, "unipc"),
        (DPMSolverMultistepScheduler, "dpm++2m"),
        (DDPMScheduler, "ddim"),
    ],
)
def test_the_default_is_the_bases_own(scheduler: type, name: str) -> None:
    assert default_scheduler(scheduler()) == name


def test_making_one_is_silent() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        make_scheduler("unipc", own())
