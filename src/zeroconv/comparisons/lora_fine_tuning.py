"""Fine-tuning by LoRA: the condition as further input channels, and of the U-Net a small product of matrices trained.

Source: "LoRA: Low-Rank Adaptation of Large Language Models", arXiv 2106.09685, section 4.1: h = W x + B A x, with A
Gaussian and B zero at the start; arXiv 2302.05543, section 2, names it among the ways to fine-tune without forgetting.
"""

import torch
from torch import Tensor, nn

from zeroconv.base import BaseModel
from zeroconv.comparisons.direct_fine_tuning import DirectFineTuning

RANK = 16
PROJECTIONS = ("to_q", "to_k", "to_v", "to_out.0")
"""Of each attention."""


class LoraFineTuning(DirectFineTuning):
    """Direct fine-tuning of little: of the copied U-Net, matrices of low rank in the attentions and the input layer.

    rank: r, at most the width of the attentions to save anything. seed: decides A.
    """

    name = "LoRA fine-tuning"
    paper = "2106.09685"
    idea = "The base's U-Net stays but for products of two small matrices beside the projections of its attentions."
    simplified = (
        "LoRA adapts to a task, and has no condition image of its own: the condition is read as by direct fine-tuning, "
        "through an input layer that is trained too. No scale beside the matrices."
    )

    def __init__(self, base: BaseModel, *, rank: int = RANK, seed: int = 0) -> None:
        super().__init__(base)
        self.unet.requires_grad_(False)
        self.unet.conv_in.requires_grad_(True)
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            for name in projections(self.unet):
                self.unet.set_submodule(name, LowRank(self.unet.get_submodule(name), rank))


def projections(unet: nn.Module) -> list[str]:
    """Names of the linear layers of a U-Net's attentions."""
    return [name for name, _ in unet.named_modules() if name.endswith(tuple(f".{kind}" for kind in PROJECTIONS))]


class LowRank(nn.Module):
    """A linear layer W and what is trained beside it, h = W x + B A x; untrained it is W bitwise, as B is zero."""

    def __init__(self, linear: nn.Linear, rank: int) -> None:
        super().__init__()
        self.linear = linear
        self.down = nn.Linear(linear.in_features, rank, bias=False).to(linear.weight)
        self.up = nn.Linear(rank, linear.out_features, bias=False).to(linear.weight)
        nn.init.normal_(self.down.weight, std=linear.in_features**-0.5)
        nn.init.zeros_(self.up.weight)

    def forward(self, hidden: Tensor) -> Tensor:
        """(..., in) -> (..., out)."""
        changed: Tensor = self.linear(hidden) + self.up(self.down(hidden))
        return changed
