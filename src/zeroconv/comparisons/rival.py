"""What every system of the comparison is to those that train it and that draw with it.

Each is the idea of a published system in small (its `simplified` says what was left out), learns from the same
examples as a ControlNet and draws at the base's native size.
B examples, C latent channels, h w latent height and width, N condition channels, H W pixels.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

from torch import Tensor, nn

from zeroconv.base import BaseModel
from zeroconv.data.records import Batch
from zeroconv.evaluation.sampler import Sampler


class Rival(nn.Module, ABC):
    """A system that draws pictures from words and a condition image.

    Its parameters and buffers are all that is learnt, and all that is saved; what of the base is trained is a copy
    within it. The base itself is no part of the module and stays as it is.
    """

    name: ClassVar[str]
    """As it is called in tables, such as "T2I-Adapter"."""
    paper: ClassVar[str]
    """arXiv number."""
    idea: ClassVar[str]
    """How the condition reaches the picture, in a sentence."""
    simplified: ClassVar[str]
    """What of the published system was left out or made smaller, in a sentence or two."""

    def __init__(self, base: BaseModel) -> None:
        super().__init__()
        self.base = base

    def prepare(self, batches: Sequence[Batch]) -> None:
        """What is found from some examples before training, without gradients, and kept in buffers: a codebook."""

    @abstractmethod
    def losses(self, batch: Batch) -> Tensor:
        """(B,) what training makes small, one value an example; all randomness is in the batch."""

    @abstractmethod
    def draw(self, prompts: Sequence[str], condition: Tensor, seeds: Sequence[int], sampler: Sampler) -> Tensor:
        """B prompts, their (B, N, H, W) condition images in [0, 1] and seeds -> (B, 3, H, W) pictures in [-1, 1].

        sampler: as `evaluation.drawing.settled` gives it; picture k depends on seeds[k] alone, not on the others.
        """
