"""How the pictures of an evaluation are drawn: numbers that are part of every protocol."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Sampler:
    """The settings that all pictures of an evaluation share."""

    steps: int = 20
    """Denoising steps."""
    guidance: float | None = None
    """How strictly the prompt is followed; left out: the base's default."""
    scheduler: str | None = None
    """The sampler's name: ddim, unipc, euler, ...; left out: the base's own."""
    seed: int = 0
    """Picture k starts from the noise of this seed + k."""
    strength: float = 1.0
    """Strength of the control."""
    batch: int = 32
    """Pictures drawn together; changes them by rounding only."""
