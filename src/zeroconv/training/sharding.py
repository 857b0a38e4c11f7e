"""Weights spread over the processes, for the stage in which the base is trained too: fully sharded data parallelism.

Source: Zhao et al., arXiv 2304.11277, in torch's own `fully_shard`. Each process holds its rows of every weight,
gradient and average, and of the optimiser's; a block's weights are brought together when it computes, then let go.
What is measured, drawn, saved and handed on is whole and the first process's, so that one process alone, or another
number of them, can go on with it. What brings tensors together here is called by all processes at once.
"""

from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, distributed, nn

from zeroconv.control import ControlNet
from zeroconv.errors import UserError
from zeroconv.training.config import TrainConfig

_BLOCKS = ("down_blocks", "mid_block", "up_blocks")
"""What is brought together one by one; the rest of a network, which is little, at once."""


@dataclass(frozen=True)
class Whole:
    """Whole copies of a ControlNet and its U-Net, to measure, draw and save with; empty but in the first process."""

    controlnet: ControlNet
    unet: Any

    @torch.no_grad()
    def take_over(self, controlnet: Mapping[str, Tensor], unet: Mapping[str, Tensor]) -> None:
        """Makes their weights what these spread ones are now."""
        for copy, weights in ((self.controlnet, controlnet), (self.unet, unet)):
            for name, weight in weights.items():
                copy.get_parameter(name).copy_(together(weight))


def whole_copies(controlnet: ControlNet, unet: nn.Module) -> Whole:
    """The copies, made before the networks are spread."""
    place = next(unet.parameters()).device if distributed.get_rank() == 0 else torch.device("meta")
    return Whole(deepcopy(controlnet).to(place), deepcopy(unet).to(place))


def spread(networks: Sequence[nn.Module]) -> None:
    """Spreads networks over all processes, in place; their parameters are others from then on."""
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard

    mesh = init_device_mesh(next(networks[0].parameters()).device.type, (distributed.get_world_size(),))
    for network in networks:
        for part in (*_blocks(network), network):
            fully_shard(part, mesh=mesh, reshard_after_forward=True)


def together(value: Tensor) -> Tensor:
    """All of a tensor, in every process."""
    whole: Tensor = value.full_tensor() if _is_spread(value) else value  # type: ignore[attr-defined]
    return whole


def own_part(value: Tensor) -> Tensor:
    """The part of a tensor that this process holds."""
    part: Tensor = value.to_local() if _is_spread(value) else value  # type: ignore[attr-defined]
    return part


def collected(values: Any) -> Any:
    """The same containers with every spread tensor whole, on the CPU of the first process; empty in the others."""
    if isinstance(values, Mapping):
        return {name: collected(value) for name, value in values.items()}
    if _is_spread(values):
        full = together(values.detach())
        return full.cpu() if distributed.get_rank() == 0 else full.new_empty(0)
    return values


def distributed_like(values: Mapping[str, Any], others: Mapping[str, Any]) -> dict[str, Any]:
    """Whole tensors spread as those of the same name and shape are; the rest as it is."""
    return {name: _like(value, others.get(name)) for name, value in values.items()}


def optimizer_state_like(record: Mapping[str, Any], optimizer: torch.optim.Optimizer) -> dict[str, Any]:
    """The saved state of an optimiser, spread as the weights are which it is about."""
    weights = [weight for group in optimizer.param_groups for weight in group["params"]]
    states = {
        number: {name: _like(value, weights[number]) for name, value in state.items()}
        for number, state in record["state"].items()
    }
    return {**record, "state": states}


def check_can_be_spread(config: TrainConfig) -> None:
    """Raises UserError for settings that cannot be had with weights spread over processes."""
    for name, wrong, instead in (("precision", "fp16", "bf16"), ("optimizer", "adamw8bit", "adamw")):
        if getattr(config, name) == wrong:
            raise UserError(
                f"--unlock {config.unlock} with several processes spreads the weights over them, "
                f"which --{name} {wrong} does not work with; take --{name} {instead}"
            )


def _is_spread(value: object) -> bool:
    """Whether it is a DTensor; its package, slow to import, is left to those who spread."""
    return hasattr(value, "full_tensor")


def _blocks(network: nn.Module) -> Iterator[nn.Module]:
    for name in _BLOCKS:
        part = getattr(network, name, None)
        if isinstance(part, nn.ModuleList):
            yield from part
        elif part is not None:
            yield part


def _like(value: Any, other: Any) -> Any:
    if not _is_spread(other) or not isinstance(value, Tensor) or value.shape != other.shape:
        return value
    from torch.distributed.tensor import distribute_tensor

    return distribute_tensor(value, other.device_mesh, other.placements, src_data_rank=None)  # all have read it
