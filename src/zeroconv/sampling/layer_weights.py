"""How strongly a control acts at each depth of the U-Net: the schedules the field knows, by name.

Sources: CFG resolution weighting, arXiv 2302.05543 section 3.4 ("multiply a weight w_i = 64 / h_i"); the ramp of the
released code's guess mode, 0.825 ** (12 - i); diffusers' guess mode, logspace(-1, 0). The paper's literal weights
multiply the deep layers by 8, while its text speaks of reducing: normalised, they do. The released demos and diffusers
agree to 0.7 % on SD 1.5. Letters: n residuals, one per skip from shallow to deep, then the middle.
"""

from collections.abc import Callable
from typing import Any

import torch

from zeroconv.adapter import Adapter
from zeroconv.checked import is_list, number_list
from zeroconv.errors import UserError, nearest

LayerWeights = str | tuple[float, ...]

_RAMP = 0.825
"""Of the released code, whose comment calls it a magic number: its twelfth power is a tenth."""

SCHEDULES: dict[str, Callable[[list[int]], list[float]]] = {
    "flat": lambda levels: [1.0] * len(levels),
    "paper": lambda levels: [float(2**level) for level in levels],
    "paper-normalised": lambda levels: [2.0 ** (level - max(levels)) for level in levels],
    "soft": lambda levels: [_RAMP ** (len(levels) - 1 - index) for index in range(len(levels))],
    "logspace": lambda levels: torch.logspace(-1, 0, len(levels)).tolist(),
}
"""Name -> the n weights, from how often each residual's feature was halved."""

ALIASES = {"released": "soft", "webui": "soft", "diffusers": "logspace", "paper-normalized": "paper-normalised"}
GUESS_MODE: dict[str, Any] = {"weights": "logspace", "conditional_only": True}
"""diffusers' guess_mode in two switches, for `ControlRequest(..., **GUESS_MODE)`: soft weights, and control of the
conditional half alone."""


def check_layer_weights(weights: object, of: str) -> LayerWeights:
    """A schedule by its name, or a tuple of numbers; UserError for anything else."""
    if is_list(weights):
        return number_list(f"weights of {of}", weights)
    name = ALIASES.get(str(weights), str(weights))
    if name not in SCHEDULES:
        known = nearest(str(weights), (*SCHEDULES, *ALIASES))
        raise UserError(f"{of}: unknown weights {weights!r}; {known}, or one number a layer as 0.1/0.2/1")
    return name


def layer_weights(weights: LayerWeights, controlnet: Any) -> tuple[float, ...] | None:
    """The n weights for this ControlNet's residuals; None where all are 1. UserError for another count."""
    levels = residual_levels(controlnet)
    numbers = tuple(SCHEDULES[weights](levels)) if isinstance(weights, str) else weights
    if len(numbers) != len(levels):
        is_adapter = isinstance(controlnet, Adapter)
        noun, layers = ("T2I-Adapter", "features") if is_adapter else ("ControlNet", "layers, skips and middle")
        raise UserError(f"this {noun} has {len(levels)} {layers}; got {len(numbers)} weights")
    return None if all(number == 1 for number in numbers) else numbers


def residual_levels(controlnet: Any) -> list[int]:
    """How often each of the n residuals' features was halved: 0 0 0 1 1 1 2 2 2 3 3 3 and 3 for SD 1.5, because the
    output of a downsampler has the next level's size. An adapter has one feature a scale: 0 1 2 3."""
    if isinstance(controlnet, Adapter):
        return controlnet.levels
    levels, level = [0], 0
    for block in controlnet.down_blocks:
        levels += [level] * len(block.resnets)
        halvings = len(getattr(block, "downsamplers", None) or ())
        level += halvings
        levels += [level] * halvings
    return [*levels, level]
