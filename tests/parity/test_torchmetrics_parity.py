"""Distances of features against torchmetrics', which reads the features from a network of our choice."""

import numpy as np
import pytest
import torch

from zeroconv.evaluation.frechet import frechet_distance
from zeroconv.evaluation.quality.kernel import estimate_kernel

pytestmark = pytest.mark.filterwarnings("ignore")  # of torchmetrics about itself
RANDOM = np.random.default_rng(0)


class Flat(torch.nn.Module):
    """The pixels themselves as features."""

    num_features = 12

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        return pictures.flatten(1).double()


FIRST, SECOND = (torch.from_numpy(RANDOM.integers(low, 256, (40, 3, 2, 2)).astype(np.uint8)) for low in (0, 30))
FEATURES = tuple(Flat()(pictures).numpy() for pictures in (FIRST, SECOND))


def test_the_frechet_distance_is_theirs() -> None:
    fid = pytest.importorskip("torchmetrics.image.fid")
    theirs = fid.FrechetInceptionDistance(feature=Flat(), input_img_size=(3, 2, 2))
    theirs.set_dtype(torch.float64)
    theirs.update(FIRST, real=True)
    theirs.update(SECOND, real=False)
    assert frechet_distance(*FEATURES) == pytest.approx(float(theirs.compute()), rel=1e-6)


def test_the_kernel_distance_is_theirs() -> None:
    kid = pytest.importorskip("torchmetrics.image.kid")
    theirs = kid.KernelInceptionDistance(feature=Flat(), subsets=1, subset_size=40)
    theirs.update(FIRST, real=True)
    theirs.update(SECOND, real=False)
    assert estimate_kernel(*FEATURES).mean == pytest.approx(float(theirs.compute()[0]), rel=1e-9)
