"""Which family a network belongs to, read from its config: the text width and the widths of its levels.

Source: the U-Nets of Stable Diffusion 1.x and 2.x (arXiv 2112.10752), SDXL (arXiv 2307.01952) and our own `tiny`.
"""

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

MODELS = Path(__file__).parents[1] / "models"
FAMILIES = ("tiny", "sd15", "sd21", "sdxl", "unknown")
FULL_SIZE: dict[str, dict[str, Any]] = {
    "sd15": {"cross_attention_dim": 768},
    "sd21": {"cross_attention_dim": 1024, "attention_head_dim": (5, 10, 20, 20), "use_linear_projection": True},
    "sdxl": {
        "cross_attention_dim": 2048,
        "attention_head_dim": (5, 10, 20),
        "use_linear_projection": True,
        "block_out_channels": (320, 640, 1280),
        "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        "up_block_types": ("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        "transformer_layers_per_block": (1, 2, 10),
        "addition_embed_type": "text_time",
        "addition_time_embed_dim": 256,
        "projection_class_embeddings_input_dim": 2816,
    },
}
"""The real U-Nets by family: what differs from the defaults of diffusers' UNet2DConditionModel."""


def family_of(config: Mapping[str, Any]) -> str:
    """The family of a U-Net's or ControlNet's config: "tiny", "sd15", "sd21", "sdxl" or "unknown"."""
    widths, text_width = _shape(config)
    if config.get("addition_embed_type") == "text_time" and widths[:1] == (320,) and text_width == 2048:
        return "sdxl"
    if widths == (320, 640, 1280, 1280) and text_width in (768, 1024):
        return "sd15" if text_width == 768 else "sd21"
    return "tiny" if (widths, text_width) == _tiny_shape() else "unknown"


def _shape(config: Mapping[str, Any]) -> tuple[tuple[int, ...], Any]:
    return tuple(config.get("block_out_channels") or ()), config.get("cross_attention_dim")


@cache
def _tiny_shape() -> tuple[tuple[int, ...], Any] | None:
    """The shape of the base that ships with the package; None where it is absent."""
    config = MODELS / "tiny" / "unet" / "config.json"
    return _shape(json.loads(config.read_text("utf-8"))) if config.is_file() else None
