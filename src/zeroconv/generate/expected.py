"""What a step expects the picture to become: for previews while it is made.

Source: the clean sample of a prediction, DDIM, arXiv 2010.02502 eq. 12; of a velocity, arXiv 2202.00512.
Shapes: B pictures, C latent channels, h w latent height and width.
"""

from collections.abc import Callable

from torch import Tensor

from zeroconv.base import BaseModel
from zeroconv.sampling import Moment, PredictNoise


def telling(predict: PredictNoise, base: BaseModel, on_expected: Callable[[Tensor], object]) -> PredictNoise:
    """The same prediction, of which `on_expected` is told the latents (B, C, h, w) that it stands for."""

    def predict_and_tell(latents: Tensor, moment: Moment) -> Tensor:
        prediction = predict(latents, moment)
        on_expected(expected_latents(base, latents, prediction, moment.timestep))
        return prediction

    return predict_and_tell


def expected_latents(base: BaseModel, latents: Tensor, prediction: Tensor, timestep: Tensor) -> Tensor:
    """Noisy latents and the prediction, both (B, C, h, w), at a time step () -> the clean latents, of that shape.

    Latents as schedulers scale them for the network, which is the same for all; between two of the base's time steps
    the nearer one counts.
    """
    if base.prediction_type == "sample":
        return prediction
    last = base.num_train_timesteps - 1
    alpha = base.alphas_cumprod[timestep.round().long().clamp(0, last).to(base.alphas_cumprod.device)]
    signal, deviation = (alpha**0.5).to(latents), ((1 - alpha) ** 0.5).to(latents)
    if base.prediction_type == "v_prediction":
        return signal * latents - deviation * prediction
    return (latents - deviation * prediction) / signal.clamp_min(1e-3)
