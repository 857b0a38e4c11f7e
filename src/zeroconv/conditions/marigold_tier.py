"""The tier `marigold`: normals by a diffusion model that was trained for them (arXiv:2312.02145).

Conditions know nothing of diffusion: the model is the detector `marigold` of those installed, a module with the
function of NormalsPainter.
"""

import functools
from typing import TYPE_CHECKING, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from zeroconv.conditions import installed

if TYPE_CHECKING:
    import torch

WEIGHTS = "prs-eth/marigold-normals-v1-1"


class NormalsPainter(Protocol):
    """What finds normals by diffusion."""

    def normals(self, image: np.ndarray, weights: str, device: "torch.device") -> NDArray[np.float32]:
        """A picture uint8 (H, W, 3) -> unit vectors (H, W, 3): right, up, towards the viewer.

        weights: folder or hub id of a MarigoldNormalsPipeline.
        """
        ...


@functools.cache
def painter() -> NormalsPainter:
    """The one that is installed; UserError where none is."""
    return cast(NormalsPainter, installed.detector("marigold"))
