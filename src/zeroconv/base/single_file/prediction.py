"""What a U-Net predicts, noise or velocity, which no shape tells.

Source: velocity, Salimans & Ho, arXiv 2202.00512. At the last noise level a latent is nearly nothing but noise, so
that a network which predicts noise gives back what it reads, and one which predicts velocity gives the picture.
"""

from collections.abc import Callable

import torch
from torch import Tensor

THRESHOLD = 0.5
"""Correlation of the answer with the noise above which it is the noise: near 1 against near 0."""
PREDICTIONS = ("epsilon", "v_prediction")


@torch.no_grad()
def correlation_with_noise(predict: Callable[[Tensor], Tensor], channels: int, size: int = 16) -> float:
    """How much the answer to noise (1, channels, size, size) at the last noise level is that noise, in -1 .. 1."""
    noise = torch.randn(1, channels, size, size, generator=torch.Generator().manual_seed(0))
    answer = predict(noise).float()[:, :channels]
    pair = torch.stack([noise[:, : answer.shape[1]].flatten(), answer.flatten()])
    return float(torch.corrcoef(pair)[0, 1])


def guess_prediction(predict: Callable[[Tensor], Tensor], channels: int) -> tuple[str, str]:
    """What a U-Net seems to predict -> ("epsilon" or "v_prediction", the reason as a clause)."""
    correlation = correlation_with_noise(predict, channels)
    found = PREDICTIONS[0] if correlation > THRESHOLD else PREDICTIONS[1]
    return found, f"its answer to pure noise at the last noise level correlates by {correlation:.2f} with that noise"
