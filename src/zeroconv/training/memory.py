"""How much memory a training takes, before any is spent on it.

    peak = base + ControlNet (1 + 1 with an average) + optimiser + gradients and activations

The first three are counts of bytes. The last is found by taking one step on tensors without content, which know their
shape, type and device alone: every operation of the forward and the backward pass is dispatched but not computed, and
the bytes of the tensors that are alive after each are counted. So number types, gradient checkpointing, accumulation
and any architecture are in it. What is not: the work space within an operation, and what an allocator cannot reuse;
`benchmarks/train_memory.py` measures how much that is.
"""

import weakref
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_iter

from zeroconv.base import BaseModel
from zeroconv.control import ControlNet
from zeroconv.data.records import Batch
from zeroconv.objective import noise_prediction_loss
from zeroconv.training.config import TrainConfig
from zeroconv.training.precision import autocast
from zeroconv.training.unlock import part_of, unlock

OPTIMIZER_BYTES = {"adamw": 8.0, "adamw8bit": 2.0 + 2 * 4 / 256}
"""Per parameter: two averages in float32, or in eight bits with a float32 maximum for every 256 of them."""

Module = TypeVar("Module", bound=nn.Module)
Watch = TypeVar("Watch", bound=TorchDispatchMode)


@dataclass(frozen=True)
class Memory:
    """The peak of a training, by what it is for; all in bytes."""

    base: int
    """U-Net, autoencoder and text encoders, and the average of a U-Net that is unlocked."""
    controlnet: int
    """The trainable copy and its average."""
    optimizer: int
    step: int
    """Gradients and activations where their sum is largest, the examples themselves included."""

    @property
    def peak(self) -> int:
        """All at once."""
        return self.base + self.controlnet + self.optimizer + self.step


def estimate_memory(
    base: BaseModel, controlnet: ControlNet, batch: Batch, config: TrainConfig, processes: int = 1
) -> Memory:
    """The memory of training on such batches, of which `batch` is what one process computes at once; changes nothing.

    batch: one part of an accumulated batch, of one process's share.
    processes: how many train together. Where they spread the weights it is the first one's, which has whole copies too;
    gradients are counted as if they were not spread.
    """
    unlocked = sum(weight.numel() for weight in part_of(base, config.unlock).values())
    parameters = unlocked + sum(value.numel() for value in controlnet.parameters() if value.requires_grad)
    parts = processes if unlocked else 1
    whole = 1 if parts > 1 else 0
    averages = 1 if config.ema else 0
    unets = (1 + (averages if unlocked else 0)) / parts + whole
    return Memory(
        base=round(unets * num_bytes(base.unet, dtype=config.locked_type)) + num_bytes(base.vae, *base.text_encoders),
        controlnet=round(((1 + averages) / parts + whole) * num_bytes(controlnet)),
        optimizer=round(parameters * OPTIMIZER_BYTES[config.optimizer] / parts),
        step=step_without_content(base, controlnet, batch, config, LiveBytes()).peak,
    )


def num_bytes(*networks: nn.Module, dtype: torch.dtype | None = None) -> int:
    """The memory of networks' parameters and buffers, of their own number types or another."""
    tensors = (value for network in networks for value in (*network.parameters(), *network.buffers()))
    return sum(value.numel() * (dtype or value.dtype).itemsize for value in tensors)


def step_without_content(
    base: BaseModel, controlnet: ControlNet, batch: Batch, config: TrainConfig, watch: Watch
) -> Watch:
    """Takes the forward and the backward pass on such a batch without computing it; `watch` sees every operation."""
    without_content = FakeTensorMode()
    hollow_base = replace(base, unet=_hollow(base.unet, without_content, config.locked_type))
    unlock(hollow_base, config.unlock)
    hollow_net = _hollow(controlnet, without_content)
    hollow_net.train()
    if config.checkpointing:
        hollow_net.enable_gradient_checkpointing()
    with without_content, watch:
        hollow_base.__dict__["alphas_cumprod"] = torch.ones(base.num_train_timesteps, device=base.device)
        inputs = _hollow_batch(batch, base.device)
        with autocast(base.device, config.precision):
            loss = noise_prediction_loss(hollow_base, hollow_net, inputs).sum()
        loss.backward()  # type: ignore[no-untyped-call]
    return watch


def _hollow(network: Module, mode: FakeTensorMode, dtype: torch.dtype | None = None) -> Module:
    """A copy of a network whose tensors have no content, of its number type or another; nothing is copied."""
    held: dict[int, Any] = {}
    for value in network.parameters():
        weight = mode.from_tensor(value.detach()).to(dtype or value.dtype)
        held[id(value)] = nn.Parameter(weight, requires_grad=value.requires_grad)
    held |= {id(value): mode.from_tensor(value) for value in network.buffers()}
    return deepcopy(network, held)


def _hollow_batch(batch: Batch, device: torch.device) -> Batch:
    """A batch of the same shapes."""

    def like(value: Tensor) -> Tensor:
        return torch.empty(value.shape, dtype=value.dtype, device=device)

    text = batch.text
    return replace(
        batch,
        latents=like(batch.latents),
        text=replace(
            text,
            tokens=like(text.tokens),
            pooled=None if text.pooled is None else like(text.pooled),
            sizes=None if text.sizes is None else like(text.sizes),
        ),
        condition=like(batch.condition),
        noise=like(batch.noise),
        timesteps=torch.zeros(batch.timesteps.shape, dtype=torch.int64, device=device),
    )


class LiveBytes(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Within `with`, counts the bytes of all storages that operations make, until they are let go."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.now = 0
        self.peak = 0
        self._known: set[int] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = func(*args, **(kwargs or {}))
        for value in tree_iter(made):
            if isinstance(value, Tensor):
                self._take_in(value.untyped_storage())
        return made

    def _take_in(self, storage: torch.UntypedStorage) -> None:
        key = storage._cdata
        if key in self._known:
            return
        self._known.add(key)
        self.now += storage.nbytes()
        self.peak = max(self.peak, self.now)
        weakref.finalize(storage, self._let_go, key, storage.nbytes())

    def _let_go(self, key: int, size: int) -> None:
        self._known.discard(key)
        self.now -= size
