"""What the U-Net reads of the prompts.

Shapes: B batch; L tokens; D text width; P pooled width.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Text:
    """What the U-Net reads of the prompts: c_t of eq. 5."""

    tokens: Tensor
    """(B, L, D) hidden states of the text encoder."""
    pooled: Tensor | None = None
    """(B, P) pooled states of the second encoder; only SDXL has them."""
    sizes: Tensor | None = None
    """(B, 6) original height and width, crop top and left, target height and width in pixels; only SDXL has them."""

    def __len__(self) -> int:
        return self.tokens.shape[0]

    def to(self, device: torch.device | str | None = None, dtype: torch.dtype | None = None) -> "Text":
        """The same text elsewhere or in another precision; sizes are numbers of pixels and keep theirs."""
        pooled = None if self.pooled is None else self.pooled.to(device, dtype)
        return Text(self.tokens.to(device, dtype), pooled, None if self.sizes is None else self.sizes.to(device))

    def repeat(self, times: int) -> "Text":
        """Each text `times` times in a row: (B, ...) -> (B * times, ...)."""
        rows = torch.arange(len(self), device=self.tokens.device).repeat_interleave(times)
        return Text(self.tokens[rows], *(part if part is None else part[rows] for part in (self.pooled, self.sizes)))

    @staticmethod
    def cat(texts: Sequence["Text"]) -> "Text":
        """One batch of several of the same base: (B1, ...), (B2, ...) -> (B1 + B2, ...)."""
        pooled = [text.pooled for text in texts if text.pooled is not None]
        sizes = [text.sizes for text in texts if text.sizes is not None]
        tokens = torch.cat([text.tokens for text in texts])
        return Text(tokens, torch.cat(pooled) if pooled else None, torch.cat(sizes) if sizes else None)
