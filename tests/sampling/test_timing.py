"""Windows and schedules: diffusers' rule in steps, ComfyUI's in noise, courses of the strength."""

import pytest
import torch
from diffusers import DDIMScheduler, EulerDiscreteScheduler
from hypothesis import given
from hypothesis import strategies as st

from zeroconv.errors import UserError
from zeroconv.sampling import sample
from zeroconv.sampling.timing import SCHEDULES, Moment, check_schedule, check_window, factor, is_inside

SHARES = st.floats(0, 1)


def moments(count: int = 5) -> list[Moment]:
    return [Moment(torch.tensor(0), step, count, noise=1 - step / (count - 1)) for step in range(count)]


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
@pytest.mark.parametrize("karras", [False, True])
@pytest.mark.parametrize(("start", "end"), [(0.0, 1.0), (0.25, 0.6), (0.0, 0.5), (0.5, 0.5)])
def test_a_window_in_noise_is_comfyuis(start: float, end: float, karras: bool) -> None:
    """ComfyUI turns a percent into the sigma of the time step (1 - percent) * 999 and compares sigmas."""
    schedule = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}
    alphas = DDIMScheduler(**schedule).alphas_cumprod
    log_sigmas = ((1 - alphas) / alphas).sqrt().log()

    def sigma(percent: float) -> float:
        at = (1 - percent) * 999
        low = min(int(at), 998)
        return float(torch.lerp(log_sigmas[low], log_sigmas[low + 1], at - low).exp())

    seen: list[Moment] = []
    scheduler = EulerDiscreteScheduler(**schedule, use_karras_sigmas=karras)
    list(sample(lambda z, moment: seen.append(moment) or 0 * z, scheduler, torch.ones(1, 4, 2, 2), 12))
    high, low = (1e9 if start <= 0 else sigma(start)), (0.0 if end >= 1 else sigma(end))
    expected = [low <= float(moment.sigma or 0) <= high for moment in seen]
    assert [is_inside(moment, "noise", start, end) for moment in seen] == expected
    assert any(expected) == (start != end) and (all(expected) == (end - start == 1))


def test_half_of_the_steps_is_not_half_of_the_noise() -> None:
    bent = [Moment(torch.tensor(0), step, 4, noise=noise) for step, noise in enumerate((1.0, 0.4, 0.1, 0.01))]
    assert [is_inside(moment, "steps", 0, 0.5) for moment in bent] == [True, True, False, False]
    assert [is_inside(moment, "noise", 0, 0.5) for moment in bent] == [True, False, False, False]


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ("constant", [1, 1, 1, 1, 1]),
        ("linear", [1, 0.75, 0.5, 0.25, 0]),
        ("cosine", [1, 0.853553, 0.5, 0.146447, 0]),
        ((0.0, 1.0), [0, 0.25, 0.5, 0.75, 1]),
        ((1.0, 0.0, 1.0), [1, 0.5, 0, 0.5, 1]),
        ((3.0, 1.0, 4.0, 1.0, 5.0), [3, 1, 4, 1, 5]),
        ((0.7,), [0.7] * 5),
    ],
)
@pytest.mark.parametrize("window", ["steps", "noise"])
def test_courses(schedule: str | tuple[float, ...], expected: list[float], window: str) -> None:
    factors = [factor(schedule, moment, window, 0.0, 1.0) for moment in moments()]  # type: ignore[arg-type]
    assert factors == pytest.approx(expected, abs=1e-6)


def test_a_course_runs_within_its_window() -> None:
    assert [factor("linear", moment, "steps", 0.25, 0.75) for moment in moments()] == [1, 1, 0.5, 0, 0]
    assert factor("linear", moments()[2], "steps", 0.5, 0.5) == 1


@given(SHARES, SHARES, st.sampled_from(sorted(SCHEDULES)))
def test_named_courses_never_rise(one: float, other: float, name: str) -> None:
    early, late = sorted((one, other))
    assert 1 >= SCHEDULES[name](early) >= SCHEDULES[name](late) >= 0


def test_wrong_words() -> None:
    assert check_schedule("1/0.5", "canny") == (1.0, 0.5) and check_schedule([1, 0], "canny") == (1.0, 0.0)
    with pytest.raises(UserError, match="canny: unknown schedule 'lineer'; did you mean 'linear'"):
        check_schedule("lineer", "canny")
    with pytest.raises(UserError, match="each number of schedule of canny must be a number, not 'x'"):
        check_schedule("1/x", "canny")
    with pytest.raises(UserError, match="canny: unknown window 'sigma'; known: noise, steps"):
        check_window("sigma", "canny")
    with pytest.raises(UserError, match="know their share of noise"):
        is_inside(Moment(torch.tensor(0), 0, 4), "noise", 0.2, 0.8)
