from typing import Any

import pytest
import torch
from diffusers import DDPMScheduler
from diffusers.training_utils import compute_snr

from networks import random_condition, random_latents, random_text, small_base, small_controlnet
from zeroconv.base import BaseModel
from zeroconv.control import ControlNet
from zeroconv.data.records import Batch
from zeroconv.errors import UserError
from zeroconv.objective import control_gain, min_snr_weights, noise_prediction_loss

PREDICTIONS = ("epsilon", "v_prediction", "sample")


def batch_of(base: BaseModel, size: int = 3) -> Batch:
    return Batch(
        latents=random_latents(base.unet, size, seed=5),
        text=random_text(base.unet, size),
        condition=random_condition(size),
        noise=random_latents(base.unet, size, seed=6),
        timesteps=torch.tensor([20, 500, 990])[:size],
        names=("a", "b", "c")[:size],
    )


@pytest.fixture(scope="module")
def base() -> BaseModel:
    return small_base()


@pytest.fixture(scope="module")
def net(base: BaseModel) -> ControlNet:
    return small_controlnet(base.unet)


def diffusers_target(scheduler: Any, batch: Batch, prediction: str) -> torch.Tensor:
    if prediction == "v_prediction":
        velocity: torch.Tensor = scheduler.get_velocity(batch.latents, batch.noise, batch.timesteps)
        return velocity
    return batch.noise if prediction == "epsilon" else batch.latents


@pytest.mark.parametrize("prediction", PREDICTIONS)
def test_the_loss_is_that_of_diffusers_training_script(prediction: str) -> None:
    base = small_base("sd15", prediction)
    net, batch = small_controlnet(base.unet), batch_of(base)
    scheduler = DDPMScheduler.from_config(base.scheduler.config)
    noisy = scheduler.add_noise(batch.latents, batch.noise, batch.timesteps)
    with torch.no_grad():
        control = net(noisy, batch.timesteps, batch.text, batch.condition)
        answer = base.unet(
            noisy,
            batch.timesteps,
            batch.text.tokens,
            down_block_additional_residuals=control.skips,
            mid_block_additional_residual=control.middle,
        ).sample
        losses = noise_prediction_loss(base, net, batch)
    for row in range(3):
        target = diffusers_target(scheduler, batch, prediction)[row]
        torch.testing.assert_close(losses[row], torch.nn.functional.mse_loss(answer[row], target))
    assert losses.shape == (3,) and losses.dtype == torch.float32


@torch.no_grad()
def test_another_condition_takes_the_place_of_the_batches_own(base: BaseModel, net: ControlNet) -> None:
    batch = batch_of(base)
    own = noise_prediction_loss(base, net, batch)
    assert torch.equal(noise_prediction_loss(base, net, batch, condition=batch.condition), own)
    assert not torch.equal(noise_prediction_loss(base, net, batch, condition=batch.condition.flip(3)), own)


@torch.no_grad()
def test_without_a_controlnet_the_base_is_alone(base: BaseModel) -> None:
    batch = batch_of(base)
    fresh = ControlNet(base.unet)
    assert torch.equal(noise_prediction_loss(base, None, batch), noise_prediction_loss(base, fresh, batch))


def test_the_gain_pairs_its_losses(base: BaseModel, net: ControlNet) -> None:
    batch = batch_of(base)
    gain = control_gain(base, net, batch)
    with torch.no_grad():
        assert torch.equal(gain.without, noise_prediction_loss(base, None, batch))
        assert torch.equal(gain.with_, noise_prediction_loss(base, net, batch))
        others = batch.condition[[2, 0, 1]]
        assert torch.equal(gain.shuffled, noise_prediction_loss(base, net, batch, condition=others))
    assert not torch.equal(gain.shuffled, gain.with_) and not torch.equal(gain.without, gain.with_)
    assert not gain.with_.requires_grad


def test_a_fresh_controlnet_gains_nothing(base: BaseModel) -> None:
    gain = control_gain(base, ControlNet(base.unet), batch_of(base))
    assert torch.equal(gain.without, gain.with_) and torch.equal(gain.shuffled, gain.with_)


def test_one_example_has_no_other(base: BaseModel, net: ControlNet) -> None:
    with pytest.raises(UserError, match="at least two examples"):
        control_gain(base, net, batch_of(base, 1))


@pytest.mark.parametrize("gamma", [1.0, 5.0])
@pytest.mark.parametrize("prediction", PREDICTIONS)
def test_min_snr_weights_are_those_of_diffusers_training_scripts(prediction: str, gamma: float) -> None:
    base, timesteps = small_base("sd15", prediction), torch.arange(0, 1000, 37)
    snr = compute_snr(DDPMScheduler.from_config(base.scheduler.config), timesteps)
    expected = torch.stack([snr, gamma * torch.ones_like(timesteps)], dim=1).min(dim=1)[0]
    if prediction != "sample":
        expected = expected / (snr if prediction == "epsilon" else snr + 1)
    weights = min_snr_weights(base, timesteps, gamma)
    torch.testing.assert_close(weights, expected)
    assert weights.unique().numel() > 5 and (snr < gamma).any() and (snr > gamma).any()


@pytest.mark.parametrize(("prediction", "last"), [("epsilon", 1.0), ("v_prediction", 0.0)])
def test_min_snr_weights_are_numbers_where_no_signal_is_left(prediction: str, last: float) -> None:
    base = small_base("sd15", prediction)
    base.scheduler.register_to_config(rescale_betas_zero_snr=True)
    weights = min_snr_weights(base, torch.arange(1000), 5.0)
    assert base.alphas_cumprod[-1] == 0 and weights[-1] == last and weights.isfinite().all()
