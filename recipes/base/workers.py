"""Several processes that share each batch (torchrun): on CPU cores faster than the threads of one process."""

import os

import torch
from torch import Tensor, distributed, nn


class Workers:
    """This process's number, how many there are, and the mean of their gradients."""

    def __init__(self) -> None:
        self.count = int(os.environ.get("WORLD_SIZE", "1"))
        self.rank = int(os.environ.get("RANK", "0"))
        if self.count > 1:
            distributed.init_process_group("gloo")

    def share_gradients(self, parameters: list[nn.Parameter]) -> None:
        """Replace each gradient by its mean over the processes."""
        if self.count == 1:
            return
        gradients = [p.grad for p in parameters]
        self.sum(gradients)
        torch._foreach_div_(gradients, self.count)

    def mine(self, position: int) -> bool:
        """Whether this process does the piece of work at this position of a list that all share."""
        return position % self.count == self.rank

    def sum(self, parts: list[Tensor]) -> None:
        """Replace each tensor by its sum over the processes."""
        if self.count == 1:
            return
        flat = torch.cat([part.flatten() for part in parts])
        distributed.all_reduce(flat)
        for part, total in zip(parts, flat.split([part.numel() for part in parts]), strict=True):
            part.copy_(total.view_as(part))

    def wait(self) -> None:
        """Until all are here."""
        if self.count > 1:
            distributed.barrier()
