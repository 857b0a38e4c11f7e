"""Sampling under control: when and where each control acts, guidance, and the loop over a scheduler's steps."""

from zeroconv.sampling.loop import ControlInput, PredictNoise, Watch, combined_control, guided_noise, sample
from zeroconv.sampling.timing import Moment

__all__ = ["ControlInput", "Moment", "PredictNoise", "Watch", "combined_control", "guided_noise", "sample"]
