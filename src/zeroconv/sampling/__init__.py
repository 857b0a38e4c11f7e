"""Sampling under control: when and where each control acts, guidance, and the loop over a scheduler's steps."""

from zeroconv.sampling.composition import ControlInput, Watch, combined_control
from zeroconv.sampling.guidance import guided_noise
from zeroconv.sampling.loop import Moved, PredictNoise, sample
from zeroconv.sampling.timing import Moment

__all__ = ["ControlInput", "Moment", "Moved", "PredictNoise", "Watch", "combined_control", "guided_noise", "sample"]
