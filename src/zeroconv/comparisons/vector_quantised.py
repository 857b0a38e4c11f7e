"""Pictures and conditions as tokens: the nearest of a codebook's codes at every place of the latents.

Source: "Taming Transformers for High-Resolution Image Synthesis", arXiv 2012.09841, section 3.1. There the codebook is
learnt together with an autoencoder of its own; here it is found by k-means among the latents of the base's.
B examples; C latent channels; h w latent height and width; N condition channels; H W pixels; K codes of width d.
"""

import warnings

import numpy as np
import torch
from scipy.cluster.vq import kmeans2
from torch import Tensor, nn
from torch.nn import functional as F

from zeroconv.errors import UserError

DETAIL = 4
"""Parts of a place's side that are told apart in the condition: with 2, three times as much of edges is lost."""
_POINTS_PER_CODE = 64
_ITERATIONS = 12


class Codebook(nn.Module):
    """K codes, found once from examples."""

    def __init__(self, codes: int, width: int) -> None:
        super().__init__()
        self.codes: Tensor
        self.different: Tensor
        self.register_buffer("codes", torch.zeros(codes, width))
        self.register_buffer("different", torch.tensor(codes))

    def __len__(self) -> int:
        return len(self.codes)

    def find(self, points: Tensor) -> None:
        """Codes that are near to all points (n, d), by k-means from randomly chosen ones; the same for the same points.

        UserError for fewer points than codes. Where points differ in fewer ways than there are codes, the last codes
        repeat the first and are never a point's token: rounding would choose among equals.
        """
        if len(points) < len(self):
            raise UserError(f"a codebook of {len(self)} codes needs as many points or more, got {len(points)}")
        mixed = points[torch.randperm(len(points), generator=torch.Generator().manual_seed(0)).to(points.device)]
        chosen = mixed[: _POINTS_PER_CODE * len(self)].float().cpu().numpy()
        different = np.unique(chosen, axis=0)
        first = np.random.default_rng(0).permutation(different)[: len(self)]
        with warnings.catch_warnings():  # a code nearest to nothing stays where it is
            warnings.filterwarnings("ignore", "One of the clusters is empty", UserWarning)
            found, _ = kmeans2(chosen, first, iter=_ITERATIONS, minit="matrix")
        self.different.fill_(len(found))
        self.codes.copy_(torch.from_numpy(np.resize(found, self.codes.shape)))

    def tokens(self, points: Tensor) -> Tensor:
        """Points (..., d) -> (...) the number of the nearest code."""
        codes = self.codes[: int(self.different)]
        # |x - c|^2 without |x|^2, which is the same for all codes
        distances = codes.square().sum(dim=1) - 2 * points.to(codes) @ codes.T
        return distances.argmin(dim=-1)

    def forward(self, tokens: Tensor) -> Tensor:
        """Tokens (...) -> their codes (..., d)."""
        return self.codes[tokens]


def latent_points(latents: Tensor) -> Tensor:
    """Latents (B, C, h, w) -> (B, h * w, C), row by row."""
    return latents.flatten(2).mT


def to_latents(points: Tensor, height: int) -> Tensor:
    """The inverse: (B, h * w, C) -> (B, C, h, w)."""
    return points.mT.reshape(len(points), points.shape[-1], height, -1)


def condition_points(condition: Tensor, side: int) -> Tensor:
    """Condition images (B, N, H, W) -> (B, side^2, N * DETAIL^2): means over DETAIL x DETAIL parts of each place."""
    parts = F.adaptive_avg_pool2d(condition, DETAIL * side)
    return F.pixel_unshuffle(parts, DETAIL).flatten(2).mT
