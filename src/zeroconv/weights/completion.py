"""ControlNets that need the base's weights to be whole: Control-LoRAs and differences.

Source: Stability AI's Control-LoRA files, weight = base + up @ down (LoRA, arXiv 2106.09685); the differences that
webui's extension extracts, weight = base + difference. State dicts here have diffusers' names.
"""

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from zeroconv.errors import UserError

LOW_RANK, DIFFERENCE = "lora_controlnet", "difference"
"""The keys by which the two are known; their tensors are empty."""
_COPIED = ("conv_in.", "time_embedding.", "add_embedding.", "down_blocks.", "mid_block.")


def is_incomplete(state: Mapping[str, Tensor]) -> bool:
    """Whether the weights need those of a base."""
    return LOW_RANK in state or DIFFERENCE in state


def full_shapes(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The weights with those that are products of two as tensors of their shape, on the meta device."""
    found = {key: value for key, value in state.items() if not key.endswith((".up", ".down"))}
    for key, up in state.items():
        down = state.get(f"{key.removesuffix('.up')}.down")
        if key.endswith(".up") and down is not None:
            found[f"{key.removesuffix('.up')}.weight"] = torch.empty(up.shape[0], *down.shape[1:], device="meta")
    return found


def completed(state: Mapping[str, Tensor], base: Mapping[str, Tensor], path: Path) -> dict[str, Tensor]:
    """The whole ControlNet (float32) of a Control-LoRA or a difference to `base`, the weights of the base's U-Net."""
    copied = {key: value for key, value in base.items() if key.startswith(_COPIED)}
    marks = (LOW_RANK, DIFFERENCE)
    rest = {key: value for key, value in state.items() if key not in marks and not key.endswith((".up", ".down"))}
    if DIFFERENCE in state:
        return {key: _sum(copied[key], value, key, path) if key in copied else value for key, value in rest.items()}
    whole = {key: value for key, value in copied.items() if key not in rest}
    for key in whole:
        stem = key.removesuffix(".weight")
        if f"{stem}.up" in state and f"{stem}.down" in state:
            up, down = state[f"{stem}.up"].float().flatten(1), state[f"{stem}.down"].float()
            product = (up @ down.flatten(1)).reshape(len(up), *down.shape[1:])
            whole[key] = _sum(whole[key], product, key, path)
    return whole | rest


def _sum(base: Tensor, change: Tensor, key: str, path: Path) -> Tensor:
    if base.shape != change.shape and base.numel() != change.numel():
        shapes = f"{tuple(change.shape)} against {tuple(base.shape)}"
        raise UserError(f"{path} was made for another base: at {key} the shapes are {shapes}.")
    return base.to("cpu").float() + change.to("cpu").float().reshape(base.shape)
