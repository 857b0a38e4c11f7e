"""The objective: the locked base's own denoising loss under control, one value per example, and the control gain.

Source: arXiv 2302.05543 eq. 5, L = E ||eps - eps_theta(z_t, t, c_t, c_f)||^2; for bases that predict the velocity or
the picture, the same norm of what they predict. Nothing is random here: the batch carries its noise and time steps.
Min-SNR weights of that norm: Hang et al., arXiv 2303.09556.
Shapes: B examples; C latent channels; H, W latent height and width; F factor, pixels per latent; N condition channels.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from zeroconv.control import Control, ControlNet, Text
from zeroconv.errors import UserError

if TYPE_CHECKING:
    from zeroconv.base import BaseModel
    from zeroconv.data.records import Batch

Controlling = Callable[[Tensor, Tensor, Text, Tensor], Control]
"""A ControlNet, or what is called as one: noisy latents, time steps, text, condition -> its control."""


def noise_prediction_loss(
    base: "BaseModel", controlnet: Controlling | None, batch: "Batch", *, condition: Tensor | None = None
) -> Tensor:
    """Mean squared error (B,), float32, of the base's prediction under the ControlNet; of the base alone without one.

    condition: (B, N, F*H, F*W) in [0, 1], in place of the batch's own.
    """
    noisy_latents = base.add_noise(batch.latents, batch.noise, batch.timesteps)
    control = None
    if controlnet is not None:
        seen = batch.condition if condition is None else condition
        control = controlnet(noisy_latents, batch.timesteps, batch.text, seen)
    return prediction_error(base, base.predict_noise(noisy_latents, batch.timesteps, batch.text, control), batch)


def prediction_error(base: "BaseModel", prediction: Tensor, batch: "Batch") -> Tensor:
    """Mean squared error (B,), float32, of a prediction (B, C, H, W) for the batch's noisy latents."""
    target = base.target(batch.latents, batch.noise, batch.timesteps)
    return (prediction.float() - target.float()).square().mean(dim=(1, 2, 3))


def min_snr_weights(base: "BaseModel", timesteps: Tensor, gamma: float) -> Tensor:
    """Min-SNR-gamma, arXiv 2303.09556: what losses at timesteps (B,) are multiplied by -> (B,), float32.

    min(SNR, gamma) in the norm of the picture; as norms of the noise and of the velocity are SNR and SNR + 1 times that
    of the picture, it is divided by these. gamma above 0, 5 in the paper: time steps of little noise count less.
    """
    alphas = base.alphas_cumprod.to(timesteps.device)[timesteps]
    snr = alphas / (1 - alphas)
    if base.prediction_type == "epsilon":
        return (gamma / snr).clamp(max=1)  # 1 also where no signal is left
    weights = snr.clamp(max=gamma)
    return weights / (snr + 1) if base.prediction_type == "v_prediction" else weights


@dataclass(frozen=True, eq=False)
class Gain:
    """Paired losses, each (B,): the same examples, noise and time steps; only the control differs.

    without - with_ is what control gains: 0 at the start of training, above 0 once it acts. shuffled - with_ is above 0
    only if the condition is read.
    """

    without: Tensor
    """The base alone."""
    with_: Tensor
    """With each example's own condition."""
    shuffled: Tensor
    """With the condition of another example: what control costs where it misleads."""
    timesteps: Tensor
    """The noise level of each example, int64."""


@torch.no_grad()
def control_gain(base: "BaseModel", controlnet: ControlNet, batch: "Batch") -> Gain:
    """What control is worth on a batch of at least two examples; the shuffled condition is the previous example's."""
    if len(batch.condition) < 2:
        raise UserError("the control gain needs at least two examples: the shuffled condition is another example's")
    return Gain(
        without=noise_prediction_loss(base, None, batch),
        with_=noise_prediction_loss(base, controlnet, batch),
        shuffled=noise_prediction_loss(base, controlnet, batch, condition=batch.condition.roll(1, dims=0)),
        timesteps=batch.timesteps,
    )
