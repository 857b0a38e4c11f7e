"""Small pictures of what is being made, as often as they cost little."""

import io
import time

import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from zeroconv.base import BaseModel

_SIDE = 32
"""Latents are brought to at most this side before they are decoded: 256 pixels for Stable Diffusion."""
_SHARE = 0.1
"""Of the time that sampling takes, what previews may add."""
_QUALITY = 80


class Previews:
    """The previews of one batch; what they cost is measured and kept to a share of the sampling's own time."""

    def __init__(self) -> None:
        self._began = time.perf_counter()
        self._spent = self._last = 0.0

    def is_due(self) -> bool:
        """Whether another preview, as dear as the last, keeps within the share."""
        passed = time.perf_counter() - self._began - self._spent
        return self._spent + self._last <= _SHARE * passed

    def make(self, base: BaseModel, latents: Tensor) -> bytes:
        """Expected latents (C, h, w) -> a JPEG."""
        began = time.perf_counter()
        preview = preview_jpeg(base, latents)
        self._last = time.perf_counter() - began
        self._spent += self._last
        return preview


@torch.no_grad()
def preview_jpeg(base: BaseModel, latents: Tensor) -> bytes:
    """Latents (C, h, w) -> a small JPEG of what they stand for."""
    scale = min(1.0, _SIDE / max(latents.shape[-2:]))
    height, width = (max(1, round(side * scale)) for side in latents.shape[-2:])
    small = F.interpolate(latents[None].float(), size=(height, width), mode="area").to(latents.dtype)
    picture = torch.nan_to_num((base.decode(small)[0] / 2 + 0.5) * 255).round().to(torch.uint8)
    file = io.BytesIO()
    Image.fromarray(picture.permute(1, 2, 0).cpu().numpy()).save(file, format="JPEG", quality=_QUALITY)
    return file.getvalue()
