"""Joint training: weights of the base's U-Net that learn together with the ControlNet.

Source: arXiv 2302.05543v1, "Improved Training" (with much data, first the ControlNet alone, then all weights of the
U-Net as well); the released code's `sd_locked = False`, which trains the decoder. Autoencoder and text encoders stay
locked. Which weights are unlocked is told by the weights themselves: they ask for gradients.
"""

from typing import Literal

from torch import nn

from zeroconv.base import BaseModel

Unlock = Literal["none", "decoder", "all"]
_DECODER = ("up_blocks", "conv_norm_out", "conv_out")


def part_of(base: BaseModel, part: Unlock) -> dict[str, nn.Parameter]:
    """The weights of the base's U-Net that this part is made of, by name."""
    if part == "none":
        return {}
    weights = base.unet.named_parameters()
    return {name: weight for name, weight in weights if part == "all" or name.partition(".")[0] in _DECODER}


def unlock(base: BaseModel, part: Unlock) -> None:
    """Unlocks this part of the base's U-Net and locks the rest of it."""
    base.unet.requires_grad_(False)
    for weight in part_of(base, part).values():
        weight.requires_grad_(True)


def unlocked_weights(base: BaseModel) -> dict[str, nn.Parameter]:
    """The weights of the base's U-Net that are trained, by name; empty where it is locked."""
    return {name: weight for name, weight in base.unet.named_parameters() if weight.requires_grad}
