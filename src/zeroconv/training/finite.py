"""Where a training left the finite numbers: the part of the batch, the layer or the gradient that is to blame."""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from zeroconv.base import BaseModel
from zeroconv.control import Control, ControlNet
from zeroconv.data.records import Batch
from zeroconv.objective import noise_prediction_loss
from zeroconv.training.precision import Precision, autocast
from zeroconv.training.sharding import together


def origin_of_gradients(base: BaseModel, controlnet: ControlNet) -> str | None:
    """The last parameter whose gradient is infinite or nan, in words: the backward pass came to it first.

    It comes to the base, where that is unlocked, before the ControlNet.
    """
    unsound = [
        f"{whose} {name}"
        for whose, network in _networks(base, controlnet).items()
        for name, value in network.named_parameters()
        if not _is_finite(value.grad)
    ]
    if not unsound:
        return None
    others = f", and those of {len(unsound) - 1} more" if len(unsound) > 1 else ""
    return f"the gradient of {unsound[-1]}{others}"


def origin_in_batch(batch: Batch) -> str | None:
    """What of a batch is infinite or nan, in words; None: nothing is."""
    for part in ("latents", "condition", "noise"):
        for name, values in zip(batch.names, getattr(batch, part), strict=True):
            if not _is_finite(values):
                return f"the {part} of {name}"
    return None if _is_finite(batch.text.tokens) else "the encoded prompts"


@torch.no_grad()
def origin_in_networks(base: BaseModel, controlnet: ControlNet, batch: Batch, precision: Precision) -> str | None:
    """The module whose output is infinite or nan first when the loss of the batch is computed, in words."""
    found: list[str] = []

    def watch(whose: str, name: str, module: nn.Module) -> Any:
        def look(module: nn.Module, inputs: object, output: object) -> None:
            if not found and not all(map(_is_finite, _tensors(output))):
                found.append(f"the output of {whose} {name}")

        return module.register_forward_hook(look)

    networks = _networks(base, controlnet).items()
    hooks = [watch(whose, *named) for whose, network in networks for named in network.named_modules()]
    try:
        with autocast(base.device, precision):
            noise_prediction_loss(base, controlnet, batch)
    finally:
        for hook in hooks:
            hook.remove()
    return found[0] if found else None


def _networks(base: BaseModel, controlnet: ControlNet) -> dict[str, nn.Module]:
    """What a step computes with, in the order in which it does."""
    return {"the ControlNet's": controlnet, "the base's": base.unet}


def _tensors(output: object) -> Iterator[Tensor]:
    """All tensors of what a module returned."""
    if isinstance(output, Tensor):
        yield output
    elif isinstance(output, Control):
        yield from output.residuals
    elif isinstance(output, tuple | list):
        for part in output:
            yield from _tensors(part)


def _is_finite(values: Tensor | None) -> bool:
    return values is None or bool(torch.isfinite(together(values)).all())
