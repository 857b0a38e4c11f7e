"""What a sampling leaves out when it may: guidance outside an interval, controls in between steps."""

import pytest
import torch
from torch import Tensor

from networks import random_condition, random_latents, random_text, small_base, small_controlnet
from zeroconv.errors import UserError
from zeroconv.sampling import ControlInput, Moment, PredictNoise, guided_noise
from zeroconv.sampling.savings import EXACT, Occasional, Rhythm, Savings

BASE = small_base()
NET = small_controlnet(BASE.unet)


def moment(step: int, noise: float | None = None) -> Moment:
    return Moment(torch.tensor(900 - 100 * step), step, 8, noise=noise)


def prediction(savings: Savings = EXACT, guidance: float = 5.0, end: float = 1.0) -> PredictNoise:
    entry = ControlInput(NET, random_condition(), end=end)
    texts = random_text(BASE.unet), random_text(BASE.unet, seed=5)
    return guided_noise(BASE, [entry], *texts, guidance, savings=savings)


@torch.no_grad()
def test_guidance_acts_in_its_interval_alone() -> None:
    latents = random_latents(BASE.unet)
    predict = prediction(Savings(guided=(0.4, 0.8)))
    for noise, guidance in ((0.9, 1.0), (0.6, 5.0), (0.3, 1.0), (0.4, 5.0)):
        expected = prediction(guidance=guidance)(latents, moment(2, noise))
        assert torch.equal(predict(latents, moment(2, noise)), expected)
    assert torch.equal(predict(latents, moment(2)), prediction()(latents, moment(2))), "noise unknown: guided"


def test_a_rhythm_begins_anew_where_circumstances_change() -> None:
    rhythm = Rhythm(3)
    assert [rhythm.is_due(moment(step), "a") for step in range(5)] == [True, False, False, True, False]
    assert [rhythm.is_due(moment(step), "b") for step in range(5, 8)] == [True, False, False]
    assert rhythm.is_due(moment(0), "b"), "another sampling"
    assert all(Rhythm(1).is_due(moment(step), "a") for step in (0, 0, 1))


def test_a_value_is_kept_between_its_steps() -> None:
    values = iter(range(9))
    occasional, always = Occasional[int](2), Occasional[int](1)
    assert [occasional(lambda: next(values), moment(step), ()) for step in range(4)] == [0, 0, 1, 1]
    assert [always(lambda: next(values), moment(0), ()) for _ in range(2)] == [2, 3]


@torch.no_grad()
def test_controls_are_kept_in_between_and_end_where_they_should() -> None:
    runs: list[int] = []
    handle = NET.register_forward_pre_hook(lambda module, inputs: runs.append(int(inputs[1])))
    predict, exact = prediction(Savings(control_every=2), end=0.5), prediction(end=0.5)
    made: list[tuple[Tensor, Tensor]] = []
    for step in range(6):
        latents = random_latents(BASE.unet, seed=step)
        made.append((predict(latents, moment(step)), exact(latents, moment(step))))
    handle.remove()
    kept = [time for time in (900, 800, 700, 600) if runs.count(time) == 1]
    assert kept == [800, 600], "each exact prediction runs it, every second of the others"
    assert [torch.equal(mine, other) for mine, other in made] == [True, False, True, False, True, True]


def test_what_cannot_be_left_out_is_named() -> None:
    with pytest.raises(UserError, match="within 0 and 1"):
        Savings(guided=(0.6, 0.4))
    with pytest.raises(UserError, match="every 0 for controls"):
        Savings(control_every=0)
