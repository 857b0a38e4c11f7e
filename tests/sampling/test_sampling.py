from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
import torch
from diffusers import DDIMScheduler
from torch import Tensor

from networks import random_condition, random_latents, random_text, small_base, small_controlnet
from zeroconv.base import BaseModel
from zeroconv.control import Control, ControlNet, Text
from zeroconv.errors import UserError
from zeroconv.sampling import ControlInput, Moment, combined_control, guided_noise, sample

# Under numpy 2 diffusers' Euler schedulers make an array of a tensor in the old way.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
MOMENT = Moment(torch.tensor(601), step=4, steps=10)


@pytest.fixture(scope="module")
def base() -> BaseModel:
    return small_base()


@pytest.fixture(scope="module")
def net(base: BaseModel) -> ControlNet:
    return small_controlnet(base.unet)


@pytest.fixture(scope="module")
def texts(base: BaseModel) -> tuple[Text, Text]:
    """The prompts of two pictures, and their negative ones."""
    return random_text(base.unet, 2, seed=1), random_text(base.unet, 2, seed=2)


class Calls(list[int]):
    """How many predictions each run of a ControlNet made."""

    def __init__(self, net: ControlNet) -> None:
        self.handle = net.register_forward_pre_hook(lambda module, inputs: self.append(len(inputs[0])))

    def __enter__(self) -> "Calls":
        return self

    def __exit__(self, *_: Any) -> None:
        self.handle.remove()


@torch.no_grad()
def predicted(
    base: BaseModel, inputs: Sequence[ControlInput], texts: tuple[Text, Text], guidance: float, moment: Moment = MOMENT
) -> Tensor:
    return guided_noise(base, inputs, *texts, guidance)(random_latents(base.unet), moment)


def test_guidance_is_the_formula(base: BaseModel, net: ControlNet, texts: tuple[Text, Text]) -> None:
    latents, (text, negative) = random_latents(base.unet), texts
    condition = random_condition()
    with torch.no_grad():
        halves = [
            base.predict_noise(latents, MOMENT.timestep, half, net(latents, MOMENT.timestep, half, condition))
            for half in (negative, text)
        ]
    expected = halves[0] + 5.0 * (halves[1] - halves[0])
    torch.testing.assert_close(
        predicted(base, [ControlInput(net, condition)], texts, 5.0), expected, atol=1e-4, rtol=1e-4
    )
    assert (halves[0] - halves[1]).abs().max() > 1e-3


def test_guidance_one_makes_no_unconditional_prediction(
    base: BaseModel, net: ControlNet, texts: tuple[Text, Text]
) -> None:
    condition = random_condition()
    with Calls(net) as calls:
        noise = predicted(base, [ControlInput(net, condition)], texts, 1.0)
    assert calls == [2]
    latents = random_latents(base.unet)
    with torch.no_grad():
        control = net(latents, MOMENT.timestep, texts[0], condition)
        assert torch.equal(noise, base.predict_noise(latents, MOMENT.timestep, texts[0], control))
        assert torch.equal(
            noise, guided_noise(base, [ControlInput(net, condition)], texts[0], None, 1.0)(latents, MOMENT)
        )


def test_guidance_needs_a_negative(base: BaseModel, texts: tuple[Text, Text]) -> None:
    with pytest.raises(UserError, match="needs the negative"):
        guided_noise(base, [], texts[0], None, 7.5)


def test_conditional_only_leaves_the_unconditional_half_unchanged(
    base: BaseModel, net: ControlNet, texts: tuple[Text, Text]
) -> None:
    entry = ControlInput(net, random_condition(), conditional_only=True)
    latents = random_latents(base.unet)
    with torch.no_grad(), Calls(net) as calls:
        control = combined_control([entry], latents, MOMENT, *texts)
        whole = combined_control([replace(entry, conditional_only=False)], latents, MOMENT, *texts)
    assert calls == [2, 4] and control is not None and whole is not None
    for residual, both in zip(control.residuals, whole.residuals, strict=True):
        assert not residual[:2].any()
        torch.testing.assert_close(residual[2:], both[2:], atol=1e-5, rtol=1e-4)
    # Guidance 0 is the unconditional prediction itself.
    torch.testing.assert_close(predicted(base, [entry], texts, 0.0), predicted(base, [], texts, 0.0))
    assert not torch.allclose(predicted(base, [entry], texts, 5.0), predicted(base, [], texts, 5.0))


def test_controls_add_up(base: BaseModel, net: ControlNet, texts: tuple[Text, Text]) -> None:
    other = small_controlnet(base.unet, seed=8)
    inputs = [ControlInput(net, random_condition(), 0.5), ControlInput(other, random_condition(seed=9), 2.0)]
    latents = random_latents(base.unet)
    with torch.no_grad():
        both = combined_control(inputs, latents, MOMENT, texts[0])
        first = net(latents, MOMENT.timestep, texts[0], inputs[0].image).scaled(0.5)
        second = other(latents, MOMENT.timestep, texts[0], inputs[1].image).scaled(2.0)
    assert both is not None
    assert_same(both, first + second)


def assert_same(one: Control, other: Control) -> None:
    for mine, theirs in zip(one.residuals, other.residuals, strict=True):
        assert torch.equal(mine, theirs)


@pytest.mark.parametrize("strength", [0.0, torch.zeros(2)])
def test_strength_zero_runs_nothing(
    base: BaseModel, net: ControlNet, texts: tuple[Text, Text], strength: float | Tensor
) -> None:
    with Calls(net) as calls:
        noise = predicted(base, [ControlInput(net, random_condition(), strength)], texts, 5.0)
    assert calls == [] and torch.equal(noise, predicted(base, [], texts, 5.0))


@pytest.mark.parametrize(
    ("start", "end", "active"),
    [(0.0, 1.0, range(10)), (0.3, 1.0, range(3, 10)), (0.0, 0.5, range(5)), (0.35, 0.65, range(4, 6)), (0.5, 0.5, ())],
)
def test_the_window_is_counted_in_steps(net: ControlNet, start: float, end: float, active: Sequence[int]) -> None:
    entry = ControlInput(net, random_condition(), start=start, end=end)
    moments = [Moment(torch.tensor(0), step, 10) for step in range(10)]
    assert [moment.step for moment in moments if entry.is_active(moment)] == list(active)
    for moment in moments:  # diffusers' own arithmetic
        keep = 1.0 - float(moment.step / 10 < start or (moment.step + 1) / 10 > end)
        assert entry.is_active(moment) == bool(keep)


def test_every_picture_has_its_own_strength_weights_and_mask(
    base: BaseModel, net: ControlNet, texts: tuple[Text, Text]
) -> None:
    condition, latents = random_condition(), random_latents(base.unet)
    strengths, weights = torch.tensor([0.0, 1.5]), torch.rand(2, 13)
    masks = torch.zeros(2, 1, 64, 64)
    masks[:, :, :32] = 1
    entry = ControlInput(net, condition, strengths, weights=weights, mask=masks)
    with torch.no_grad():
        mine = combined_control([entry], latents, MOMENT, *texts)
        plain = combined_control([ControlInput(net, condition)], latents, MOMENT, *texts)
    assert mine is not None and plain is not None
    both_weights, both_strengths = torch.cat([weights] * 2), torch.cat([strengths] * 2)
    assert_same(mine, plain.scaled(both_weights * both_strengths[:, None]).masked(masks[:1]))
    assert not mine.middle[[0, 2]].any() and mine.middle[[1, 3]].any()


def test_one_batch_of_many_settings_is_every_picture_alone(
    base: BaseModel, net: ControlNet, texts: tuple[Text, Text]
) -> None:
    strengths, latents = torch.tensor([0.4, 1.5]), random_latents(base.unet)
    entry = ControlInput(net, random_condition(1), strengths, weights=torch.rand(13).tolist(), schedule="cosine")
    with torch.no_grad():
        together = combined_control([entry], latents, MOMENT, *texts)
        for row in range(2):
            half = [Text(text.tokens[row : row + 1]) for text in texts]
            own = replace(entry, strength=float(strengths[row]))
            alone = combined_control([own], latents[row : row + 1], MOMENT, *half)
            assert together is not None and alone is not None
            for both, mine in zip(together.residuals, alone.residuals, strict=True):
                torch.testing.assert_close(both[[row, 2 + row]], mine, atol=1e-5, rtol=1e-4)


def test_the_strength_follows_its_schedule(base: BaseModel, net: ControlNet, texts: tuple[Text, Text]) -> None:
    entry = ControlInput(net, random_condition(), 2.0, schedule="linear")
    latents = random_latents(base.unet)
    with torch.no_grad():
        faded = combined_control([entry], latents, Moment(MOMENT.timestep, 2, 5), *texts)
        half = combined_control([replace(entry, strength=1.0, schedule="constant")], latents, MOMENT, *texts)
        assert combined_control([entry], latents, Moment(MOMENT.timestep, 4, 5), *texts) is None, "over: not run"
    assert faded is not None and half is not None
    assert_same(faded, half)


def test_moments_know_their_share_of_noise() -> None:
    noises: list[float | None] = []
    scheduler = DDIMScheduler(steps_offset=1, timestep_spacing="trailing")
    list(sample(lambda z, moment: noises.append(moment.noise) or z, scheduler, torch.ones(1, 4, 2, 2), 4))
    assert noises == [1.0, *(t / 999 for t in (749, 499, 249))]


def test_one_image_and_one_prompt_serve_all_pictures(
    base: BaseModel, net: ControlNet, texts: tuple[Text, Text]
) -> None:
    one = ControlInput(net, random_condition(1))
    each = replace(one, image=one.image.repeat(2, 1, 1, 1))
    single = Text(texts[0].tokens[:1]), Text(texts[1].tokens[:1])
    repeated = single[0].repeat(2), single[1].repeat(2)
    together = predicted(base, [one], single, 5.0)
    torch.testing.assert_close(together, predicted(base, [each], repeated, 5.0), atol=1e-4, rtol=1e-4)


def test_rows_that_fit_no_picture_are_named(base: BaseModel, net: ControlNet, texts: tuple[Text, Text]) -> None:
    with pytest.raises(UserError, match="one for each of 2, got 3"):
        predicted(base, [ControlInput(net, random_condition(3))], texts, 5.0)
    with pytest.raises(UserError, match="one for each of 2, got 4"):
        predicted(base, [ControlInput(net, random_condition(), torch.ones(4))], texts, 5.0)


def test_a_condition_is_encoded_once_a_picture(base: BaseModel, net: ControlNet, texts: tuple[Text, Text]) -> None:
    runs: list[int] = []
    handle = net.condition_encoder.register_forward_pre_hook(lambda *_: runs.append(1))
    predict = guided_noise(base, [ControlInput(net, random_condition())], *texts, 5.0)
    with Calls(net) as calls:
        for _ in sample(predict, DDIMScheduler(steps_offset=1), random_latents(base.unet), 4):
            pass
    handle.remove()
    assert len(calls) == 4 and len(runs) == 1
