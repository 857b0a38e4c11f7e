"""In which number type a step computes: what is trained, gradients and optimiser stay float32, products may be shorter.

Mixed precision after Micikevicius et al., arXiv 1710.03740: autocast chooses the type of each operation. float16 has
few exponents, so that its loss is scaled up before the backward pass and the gradients down again.
"""

from typing import Literal

import torch
from torch import nn

Precision = Literal["fp32", "bf16", "fp16"]
TYPES = {"bf16": torch.bfloat16, "fp16": torch.float16}


def autocast(device: torch.device, precision: Precision) -> torch.autocast:
    """The context of a forward pass; in fp32 it changes nothing."""
    return torch.autocast(device.type, TYPES.get(precision), enabled=precision != "fp32")


def shorten(unet: nn.Module, dtype: torch.dtype | None) -> None:
    """Brings a locked U-Net into the type in which it computes anyway: half of its memory, nothing is cast anew.

    dtype: TrainConfig.locked_type. Call it when the trainable copy has been made.
    """
    if dtype is not None:
        nn.Module.to(unet, dtype)  # diffusers' own warns of what does not concern a U-Net


def gradient_scaler(device: torch.device, precision: Precision) -> torch.amp.GradScaler:
    """Finds the loss scale of fp16 as it goes; with the other types it does nothing."""
    return torch.amp.GradScaler(device.type, enabled=precision == "fp16")
