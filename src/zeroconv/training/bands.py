"""Noise bands: the held-out examples by how much noise their time step adds, low, middle and high.

Control acts differently along the schedule: at high noise it decides the layout, at low noise little is left to decide.
The bands are thirds of the time steps rather than of the log-SNR. Training draws its time steps evenly (arXiv
2302.05543 eq. 5), so that the mean over the bands is the gain in the objective itself; and as the held-out time steps
are spread evenly too, each band holds a third of the examples and its interval is as wide as the others'. The log-SNR
at a band's ends is told beside it, since the same time step means another noise level in another schedule.

B examples; T the base's number of time steps.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from zeroconv.base import BaseModel

NAMES = ("low", "middle", "high")
_SMALLEST = 1e-8
"""Smaller variances count as this: a schedule with zero terminal SNR ends at a log-SNR of -18, not minus infinity."""


@dataclass(frozen=True)
class Band:
    """Consecutive time steps."""

    name: str
    start: int
    """The first time step."""
    stop: int
    """One beyond the last."""
    log_snr: tuple[float, float] | None = None
    """ln(alpha-bar / (1 - alpha-bar)) at the first and at the last time step; None where the base is not at hand."""

    @property
    def title(self) -> str:
        """The band in words, for pictures and tables."""
        log_snr = "" if self.log_snr is None else f", log-SNR {self.log_snr[0]:.1f} to {self.log_snr[1]:.1f}"
        return f"{self.name} noise: t {self.start}-{self.stop - 1}{log_snr}"

    def rows(self, timesteps: Tensor) -> Tensor:
        """timesteps (B,) -> which of them lie in the band, (B,) bool."""
        return (timesteps >= self.start) & (timesteps < self.stop)


def noise_bands(base: "BaseModel") -> tuple[Band, ...]:
    """Low, middle and high noise of a base; fewer where it has fewer time steps."""
    alphas = base.alphas_cumprod.double().cpu()
    log_snr = torch.log(alphas.clamp(min=_SMALLEST)) - torch.log((1 - alphas).clamp(min=_SMALLEST))
    total = base.num_train_timesteps
    bounds = [round(total * third / len(NAMES)) for third in range(len(NAMES) + 1)]
    return tuple(
        Band(name, start, stop, (round(log_snr[start].item(), 2), round(log_snr[stop - 1].item(), 2)))
        for name, start, stop in zip(NAMES, bounds, bounds[1:], strict=False)
        if stop > start
    )
