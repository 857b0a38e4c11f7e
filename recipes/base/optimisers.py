"""The optimisers of the U-Net: Muon (Jordan et al., 2024) in float32 for its matrices, AdamW for the rest.

Muon is momentum whose matrices are made orthogonal before each step. torch.optim.Muon takes plain matrices only and
computes in bfloat16, which is very slow on many CPUs; here a convolution counts as (output channels, all the rest).
"""

import torch
from diffusers import UNet2DConditionModel
from torch import Tensor, nn
from transformers import CLIPTextModel
from workers import Workers

COEFFICIENTS = (3.4445, -4.7750, 2.0315)  # a quintic whose iteration pulls singular values to about 1
ITERATIONS = 5


def orthogonal(matrices: Tensor) -> Tensor:
    """The nearest matrices with singular values of about 1, (B, m, n), by Newton-Schulz iterations."""
    a, b, c = COEFFICIENTS
    is_tall = matrices.shape[1] > matrices.shape[2]
    x = matrices.mT if is_tall else matrices
    x = x / (x.norm(dim=(1, 2), keepdim=True) + 1e-7)
    for _ in range(ITERATIONS):
        gram = x @ x.mT
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x.mT if is_tall else x


class Muon(torch.optim.Optimizer):
    """Nesterov momentum, orthogonalised; scaled so that a step changes entries about as much as AdamW at the same rate.

    All parameters must have at least two dimensions. Processes share the work: each makes some of the matrices
    orthogonal.
    """

    def __init__(
        self,
        parameters: list[nn.Parameter],
        lr: float,
        workers: Workers,
        momentum: float = 0.95,
        weight_decay: float = 0.01,
    ) -> None:
        super().__init__(parameters, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})
        self.workers = workers

    @torch.no_grad()
    def step(self, closure: None = None) -> None:
        """One step from the gradients."""
        for group in self.param_groups:
            parameters = [p for p in group["params"] if p.grad is not None]
            gradients = [p.grad for p in parameters]
            buffers = [self.state[p].setdefault("momentum", torch.zeros_like(p)) for p in parameters]
            torch._foreach_lerp_(buffers, gradients, 1 - group["momentum"])
            ahead = torch._foreach_lerp(gradients, buffers, group["momentum"])
            updates = self._orthogonal([update.flatten(1) for update in ahead])
            torch._foreach_mul_(parameters, 1 - group["lr"] * group["weight_decay"])
            for parameter, update in zip(parameters, updates, strict=True):
                scale = 0.2 * max(update.shape) ** 0.5
                parameter.add_(update.view_as(parameter), alpha=-group["lr"] * scale)

    def _orthogonal(self, matrices: list[Tensor]) -> list[Tensor]:
        """Each matrix made orthogonal; those of one shape together, each process its share."""
        shapes: dict[tuple[int, ...], list[int]] = {}
        largest_first = sorted(range(len(matrices)), key=lambda k: (-matrices[k].numel(), k))
        for position, k in enumerate(largest_first):
            if self.workers.mine(position):
                shapes.setdefault(matrices[k].shape, []).append(k)
        made = [torch.zeros_like(matrix) for matrix in matrices]
        for indices in shapes.values():
            for k, matrix in zip(indices, orthogonal(torch.stack([matrices[k] for k in indices])), strict=True):
                made[k].copy_(matrix)
        self.workers.sum(made)
        return made


def optimisers(
    unet: UNet2DConditionModel, encoder: CLIPTextModel, rate: float, muon: float, workers: Workers
) -> list[torch.optim.Optimizer]:
    """Muon for the matrices inside the U-Net (if its rate is not 0), AdamW for everything else."""
    outer = ("conv_in.", "conv_out.", "time_embedding.")
    inner = [p for name, p in unet.named_parameters() if muon and p.ndim > 1 and not name.startswith(outer)]
    chosen = {id(p) for p in inner}
    rest = [p for p in unet.parameters() if id(p) not in chosen]
    groups = [{"params": rest, "peak": rate}, {"params": encoder.parameters(), "peak": 0.3 * rate}]
    adamw = torch.optim.AdamW(groups, rate, betas=(0.9, 0.99), weight_decay=1e-2, fused=True)
    return [adamw, Muon([{"params": inner, "peak": muon}], muon, workers)] if inner else [adamw]
