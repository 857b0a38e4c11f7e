"""Fine-tuning without a lock: the whole U-Net is trained further, and reads the condition behind the noisy latents.

What arXiv 2302.05543 is made against: by its introduction, a large model that is directly fine-tuned on limited data
may overfit and forget.
B examples; N condition channels; F pixels per latent; h w latent height and width.
"""

from torch import Tensor
from torch.nn import functional as F

from zeroconv.base import BaseModel
from zeroconv.comparisons.concatenated import Concatenated, widened


class DirectFineTuning(Concatenated):
    """The base's own U-Net, trained as a whole, with every pixel of the condition as an input."""

    name = "direct fine-tuning"
    paper = "2302.05543"
    idea = "The base's whole U-Net is trained further with the condition as further input channels; nothing is locked."
    simplified = (
        "The paper names it without a recipe. Here the grey of the condition is read, each latent's F x F pixels as as "
        "many channels whose weights begin at zero, so that lines stay sharp and nothing else is new."
    )

    def __init__(self, base: BaseModel) -> None:
        super().__init__(base, widened(base.unet, base.factor**2))

    def reduced(self, condition: Tensor) -> Tensor:
        """K = F * F: the grey of each pixel in [0, 1]; an empty condition adds nothing."""
        return F.pixel_unshuffle(condition.mean(dim=1, keepdim=True), self.base.factor)
