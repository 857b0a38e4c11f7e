"""PITI in small: the condition image becomes tokens of the space in which the locked base reads its text.

Source: "Pretraining is All You Need for Image-to-Image Translation", arXiv 2205.12952, section 3: first the encoder of
the condition alone is trained, with the pretrained generator locked.
B examples; N condition channels; H W pixels; L tokens and D width of the base's text; w width of the encoder.
"""

from collections.abc import Sequence
from dataclasses import replace
from math import log2

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from zeroconv.base import BaseModel
from zeroconv.comparisons.rival import Rival
from zeroconv.control import Text
from zeroconv.data.batches import encode_prompts
from zeroconv.data.records import Batch
from zeroconv.evaluation.drawing import from_seeds
from zeroconv.evaluation.sampler import Sampler
from zeroconv.objective import noise_prediction_loss
from zeroconv.sampling import guided_noise

GRID = 8
"""Rows and columns of the places at which the condition is looked at."""


class SemanticSpace(Rival):
    """A condition encoder whose tokens stand where the prompt's stand."""

    name = "PITI"
    paper = "2205.12952"
    idea = (
        "The condition image is encoded into the space in which the locked base reads its text, in place of a prompt."
    )
    simplified = (
        "The first of the two stages alone: the base stays locked and is not fine-tuned at the end. No upsampler, no "
        "adversarial loss, no normalisation of the guidance; a small encoder. Prompts are not read, as in the paper."
    )

    def __init__(self, base: BaseModel, *, condition_channels: int = 3, width: int = 192, layers: int = 5) -> None:
        super().__init__(base)
        _, length, text_width = base.encode_text([""]).tokens.shape
        self.encoder = TokenEncoder(base.native_size, condition_channels, width, layers, length, text_width)
        self.centre: Tensor
        self.spread: Tensor
        self.register_buffer("centre", torch.zeros(text_width))
        self.register_buffer("spread", torch.ones(text_width))
        self.to(base.device, base.dtype)

    @torch.no_grad()
    def prepare(self, batches: Sequence[Batch]) -> None:
        """Where the tokens of the examples' prompts lie, so that the encoder begins among them."""
        tokens = torch.cat([batch.text.tokens.flatten(0, 1) for batch in batches])
        self.centre.copy_(tokens.mean(dim=0))
        self.spread.copy_(tokens.std(dim=0))

    def losses(self, batch: Batch) -> Tensor:
        """(B,) the base's own loss, its text replaced by the condition's tokens."""
        return noise_prediction_loss(self.base, None, replace(batch, text=self.text(batch.condition)))

    def text(self, condition: Tensor) -> Text:
        """Condition images (B, N, H, W) -> what the U-Net reads in place of their prompts."""
        wordless = encode_prompts(self.base, [""] * len(condition))
        return replace(wordless, tokens=self.centre + self.spread * self.encoder(condition))

    @torch.no_grad()
    def draw(self, prompts: Sequence[str], condition: Tensor, seeds: Sequence[int], sampler: Sampler) -> Tensor:
        """Pictures (B, 3, H, W), guided away from the empty prompt; the prompts are not read."""
        assert sampler.guidance is not None
        negative = self.base.encode_negative([""] * len(prompts))
        predict_noise = guided_noise(self.base, [], self.text(condition), negative, sampler.guidance)
        return from_seeds(self.base, predict_noise, seeds, sampler)


class TokenEncoder(nn.Module):
    """Convolutions see the condition at GRID x GRID places; L learnt queries read these in a transformer."""

    def __init__(
        self, size: int, condition_channels: int, width: int, layers: int, length: int, text_width: int
    ) -> None:
        """size: side of the condition image in pixels."""
        super().__init__()
        halvings = max(1, int(log2(size / GRID)))
        widths = [condition_channels, *(max(16, width >> k) for k in reversed(range(halvings)))]
        self.convolutions = nn.ModuleList(
            nn.Conv2d(widths[k], widths[k + 1], 4, stride=2, padding=1) for k in range(halvings)
        )
        self.places = nn.Parameter(0.02 * torch.randn(GRID * GRID, width))
        self.queries = nn.Parameter(torch.randn(length, width))
        layer = nn.TransformerEncoderLayer(
            width, max(1, width // 32), 4 * width, dropout=0.0, activation="gelu", batch_first=True, norm_first=True
        )
        self.transformer = nn.TransformerEncoder(layer, layers, enable_nested_tensor=False)
        self.out = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, text_width))

    def forward(self, condition: Tensor) -> Tensor:
        """condition (B, N, H, W) in [0, 1] -> tokens (B, L, D)."""
        hidden = condition
        for convolution in self.convolutions:
            hidden = F.silu(convolution(hidden))
        seen = F.adaptive_avg_pool2d(hidden, GRID).flatten(2).mT  # (B, GRID * GRID, w)
        queries = self.queries.expand(len(seen), -1, -1)
        read = self.transformer(torch.cat([queries, F.layer_norm(seen, seen.shape[-1:]) + self.places], dim=1))
        tokens: Tensor = self.out(read[:, : len(self.queries)])
        return tokens
