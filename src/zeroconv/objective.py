"""The objective: the locked base's own denoising loss under control, one value per example, and the control gain.

Source: arXiv 2302.05543 eq. 5, L = E ||eps - eps_theta(z_t, t, c_t, c_f)||^2; for bases that predict the velocity or
the picture, the same norm of what they predict. Nothing is random here: the batch carries its noise and time steps.
Shapes: B examples; C latent channels; H, W latent height and width; F factor, pixels per latent; N condition channels.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from zeroconv.control import ControlNet
from zeroconv.errors import UserError

if TYPE_CHECKING:
    from zeroconv.base import BaseModel
    from zeroconv.data.records import Batch


def noise_prediction_loss(
    base: "BaseModel", controlnet: ControlNet | None, batch: "Batch", *, condition: Tensor | None = None
) -> Tensor:
    """Mean squared error (B,), float32, of the base's prediction under the ControlNet; of the base alone without one.

    condition: (B, N, F*H, F*W) in [0, 1], in place of the batch's own.
    """
    noisy_latents = base.add_noise(batch.latents, batch.noise, batch.timesteps)
    control = None
    if controlnet is not None:
        seen = batch.condition if condition is None else condition
        control = controlnet(noisy_latents, batch.timesteps, batch.text, seen)
    prediction = base.predict_noise(noisy_latents, batch.timesteps, batch.text, control)
    target = base.target(batch.latents, batch.noise, batch.timesteps)
    return (prediction.float() - target.float()).square().mean(dim=(1, 2, 3))


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
