"""What makes a picture or a control worthless without an error: values that are no numbers, one flat colour, no effect.

Half precision overflows in some bases (SDXL's autoencoder is the best known); what came out wrong is made again in
float32, for which the networks are cast there and back: float16 and bfloat16 lose nothing by it.
"""

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from zeroconv.base import BaseModel
from zeroconv.control import Control
from zeroconv.errors import UserError
from zeroconv.sampling.timing import Moment

FLAT = 1 / 255
"""Of values in [-1, 1]: below this difference a picture is one colour."""


@dataclass(frozen=True)
class Fault:
    """What is wrong with a batch of pictures."""

    sentence: str
    is_decoding: bool
    """Whether the latents are sound and the autoencoder alone is to blame."""
    is_fatal: bool
    """Whether there is no picture at all."""
    rows: Tensor
    """(B,) which of the pictures it concerns."""


def find_fault(base: BaseModel, latents: Tensor, images: Tensor) -> Fault | None:
    """What is wrong with latents (B, C, h, w) or their pictures (B, 3, H, W) in [-1, 1]; None where nothing is."""
    is_noise = ~latents.isfinite().all(dim=(1, 2, 3)).to(images.device)
    is_undecoded = ~images.isfinite().all(dim=(1, 2, 3))
    is_flat = images.amax(dim=(1, 2, 3)) - images.amin(dim=(1, 2, 3)) < FLAT
    rows = is_noise | is_undecoded | is_flat
    if bool(is_noise.any()):
        return Fault(f"denoising in {_name(base.dtype)} gave values that are no numbers", False, True, rows)
    if bool(is_undecoded.any()):
        return Fault(f"the autoencoder gave values that are no numbers in {_name(base.vae.dtype)}", True, True, rows)
    if bool(is_flat.any()):
        return Fault(f"a picture is of one colour only, in {_name(base.dtype)}", False, False, rows)
    return None


def announce_retry(base: BaseModel, fault: Fault) -> bool:
    """Says the fault, and whether to try again: not where all was float32 already, when no numbers are a UserError."""
    parts = (base.vae,) if fault.is_decoding else (base.unet, base.vae)
    if any(part.dtype != torch.float32 for part in parts):
        warnings.warn(f"{fault.sentence}; made again in float32", stacklevel=3)
        return True
    if fault.is_fatal:
        raise UserError(f"{fault.sentence}, the highest precision there is: the base or a ControlNet is damaged")
    warnings.warn(fault.sentence, stacklevel=3)
    return False


@contextmanager
def in_float32(*networks: nn.Module) -> Iterator[None]:
    """The networks in float32 meanwhile."""
    before = [next(network.parameters()).dtype for network in networks]
    try:
        for network in networks:
            network.float()
        yield
    finally:
        for network, dtype in zip(networks, before, strict=True):
            network.to(dtype)


@dataclass
class EffectCheck:
    """Watches the first control that each input makes; costs nothing afterwards."""

    names: Mapping[int, str]
    """Of the inputs that should act, by their index."""
    acted: dict[int, bool] = field(default_factory=dict)

    def __call__(self, index: int, control: Control, moment: Moment) -> None:
        """Whether input `index` adds anything at all."""
        if index not in self.acted:
            self.acted[index] = any(bool(part.any()) for part in control.parts)

    def warn(self) -> None:
        """Names what had no effect in the steps that were watched."""
        for index, name in self.names.items():
            if index not in self.acted:
                warnings.warn(f"the control {name} has no effect: it acts at no step", stacklevel=3)
            elif not self.acted[index]:
                reason = "its network adds only zeros, as an untrained ControlNet does or one behind a black mask"
                warnings.warn(f"the control {name} has no effect: {reason}", stacklevel=3)


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")
