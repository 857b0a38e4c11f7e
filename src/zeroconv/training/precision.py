"""In which number type a step computes: weights, gradients and optimiser stay float32, products may be shorter.

Mixed precision after Micikevicius et al., arXiv 1710.03740: autocast chooses the type of each operation. float16 has
few exponents, so that its loss is scaled up before the backward pass and the gradients down again.
"""

from typing import Literal

import torch

Precision = Literal["fp32", "bf16", "fp16"]
_TYPES = {"bf16": torch.bfloat16, "fp16": torch.float16}


def autocast(device: torch.device, precision: Precision) -> torch.autocast:
    """The context of a forward pass; in fp32 it changes nothing."""
    return torch.autocast(device.type, _TYPES.get(precision), enabled=precision != "fp32")


def gradient_scaler(device: torch.device, precision: Precision) -> torch.amp.GradScaler:
    """Finds the loss scale of fp16 as it goes; with the other types it does nothing."""
    return torch.amp.GradScaler(device.type, enabled=precision == "fp16")
