"""How the pictures of an evaluation are drawn: numbers that are part of every protocol."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Sampler:
    """How pictures are drawn."""

    steps: int = 20
    """Denoising steps."""
    guidance: float = 4.0
    """Scale of classifier-free guidance; 1 is none."""
    seed: int = 0
    """Picture k starts from the noise of seed + k."""
    strength: float = 1.0
    """Strength of the control."""
    batch: int = 32
    """Pictures drawn together; changes them by rounding only."""
