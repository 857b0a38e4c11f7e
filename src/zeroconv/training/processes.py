"""Several processes that train as one: each computes its share of every batch, the first alone writes and measures.

A launcher (torchrun, accelerate launch, a cluster's own) starts them and tells each RANK, LOCAL_RANK, WORLD_SIZE,
MASTER_ADDR and MASTER_PORT. All must see the run's folder and the cache under the same paths.
"""

import os
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch
from torch import distributed, nn
from torch.distributed import PrefixStore, rendezvous  # type: ignore[attr-defined]
from torch.nn.parallel import DistributedDataParallel

from zeroconv.errors import UserError

PATIENCE = timedelta(days=1)
"""How long a process waits for the others in one exchange: the first one measures and draws between two steps."""
_LOOK_EVERY = 0.05
"""Seconds between two looks at who has arrived; a plain wait would not let signals through."""


@dataclass(frozen=True)
class Processes:
    """The processes of one training as one of them sees them; by default there is no other."""

    rank: int = 0
    count: int = 1
    store: Any = None
    """Where they leave word for each other: a torch.distributed store."""

    @property
    def is_first(self) -> bool:
        """Whether this is the one that writes, measures and speaks."""
        return self.rank == 0

    def meet(self, where: str) -> None:
        """Returns when all have come to `where`, a name of its own for each meeting."""
        if self.count == 1:
            return
        self.store.add(where, 1)
        while self.store.add(where, 0) < self.count:
            time.sleep(_LOOK_EVERY)

    def joined(self, network: nn.Module, *, has_idle_weights: bool = False) -> nn.Module:
        """The network, made such that gradients are summed over the processes as the backward pass finds them.

        has_idle_weights  whether some of its weights have no part in what it computes.
        """
        if self.count == 1:
            return network
        return DistributedDataParallel(network, gradient_as_bucket_view=True, find_unused_parameters=has_idle_weights)

    def without_sum(self, network: nn.Module) -> AbstractContextManager[None]:
        """Gradients of a backward pass within stay this process's own until the next one outside."""
        if isinstance(network, DistributedDataParallel):
            return network.no_sync()
        return nullcontext()

    def total(self, value: float) -> float:
        """The sum over all processes."""
        return self._reduced([value], distributed.ReduceOp.SUM)[0]

    def largest(self, *values: float) -> list[float]:
        """The largest of each value over all processes: how they agree to stop."""
        return self._reduced(list(values), distributed.ReduceOp.MAX)

    def first_word(self, said: str | None) -> str | None:
        """What the first process that has something to say says."""
        if self.count == 1:
            return said
        words: list[str | None] = [None] * self.count
        distributed.all_gather_object(words, said)
        return next((word for word in words if word is not None), None)

    def _reduced(self, values: list[float], how: Any) -> list[float]:
        if self.count == 1:
            return values
        numbers = torch.tensor(values, dtype=torch.float64)
        distributed.all_reduce(numbers, how)
        reduced: list[float] = numbers.tolist()
        return reduced


ALONE = Processes()


@contextmanager
def together(device: str) -> Iterator[Processes]:
    """Within `with`, the processes that a launcher has started know each other; all but the first are silent."""
    if _told("WORLD_SIZE", 1) == 1:
        yield ALONE
        return
    store, rank, count = next(rendezvous("env://", timeout=PATIENCE))
    distributed.init_process_group(
        backend="cpu:gloo,cuda:nccl" if torch.device(device).type == "cuda" else "gloo",
        store=PrefixStore("exchange", store),
        rank=rank,
        world_size=count,
        timeout=PATIENCE,
    )
    with nullcontext() if rank == 0 else _silence():
        yield Processes(rank, count, PrefixStore("meetings", store))
    if distributed.is_initialized():  # accelerate's trackers end it too
        distributed.destroy_process_group()


def own_device(name: str) -> str:
    """The device of this process: of several on one machine each takes its own GPU."""
    device = torch.device(name)
    if device.type != "cuda" or _told("WORLD_SIZE", 1) == 1:
        return name
    if device.index is not None:
        raise UserError(f"several processes take one GPU each: --device cuda, not --device {name}")
    torch.cuda.set_device(_told("LOCAL_RANK", 0))
    return f"cuda:{_told('LOCAL_RANK', 0)}"


def _told(name: str, otherwise: int) -> int:
    """What the launcher says."""
    return int(os.environ.get(name, otherwise))


@contextmanager
def _silence() -> Iterator[None]:
    with Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere), redirect_stderr(nowhere):
        yield
