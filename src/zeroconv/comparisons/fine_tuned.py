"""The base trained further on other pictures, without any condition: what people call a custom model."""

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import replace

import torch
from torch import Tensor

from zeroconv.base import BaseModel
from zeroconv.comparisons.rival import Rival
from zeroconv.data.records import Batch
from zeroconv.evaluation.drawing import from_seeds, guided
from zeroconv.evaluation.sampler import Sampler
from zeroconv.objective import noise_prediction_loss


class FineTuned(Rival):
    """A copy of the base's U-Net that goes on learning; `model` is the base with it in place of its own."""

    name = "fine-tuned base"
    paper = "2112.10752"
    idea = "The base's own training goes on with pictures of another look."
    simplified = "Nothing but the U-Net learns."

    def __init__(self, base: BaseModel) -> None:
        super().__init__(base)
        self.unet = deepcopy(base.unet)
        self.model = replace(base, unet=self.unet)  # which locks it
        self.unet.requires_grad_(True)

    def losses(self, batch: Batch) -> Tensor:
        """The base's own objective."""
        return noise_prediction_loss(self.model, None, batch)

    @torch.no_grad()
    def draw(self, prompts: Sequence[str], condition: Tensor, seeds: Sequence[int], sampler: Sampler) -> Tensor:
        """As the base is sampled; the condition is not read."""
        return from_seeds(self.base, guided(self.model, prompts, sampler), seeds, sampler)
