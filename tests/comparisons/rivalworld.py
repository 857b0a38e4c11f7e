"""What small systems are trained on: random bases, and examples whose condition tells the sign of their latents."""

from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from tinybases import WIDTH, random_unet
from zeroconv.base import BaseModel, load_base
from zeroconv.data.batches import Batches
from zeroconv.data.cache import Encoded
from zeroconv.evaluation.sampler import Sampler

COUNT = 6
SAMPLER = Sampler(steps=2, guidance=3.0, scheduler="ddim")
PROMPTS = ("a red house", "a house", "red")


def like_tiny(folder: Path) -> BaseModel:
    """A base whose first of three levels reads no text, as the embedded one's."""
    unet = random_unet(
        "sdxl",
        addition_embed_type=None,
        addition_time_embed_dim=None,
        projection_class_embeddings_input_dim=None,
        cross_attention_dim=WIDTH,
        transformer_layers_per_block=1,
    )
    return replace(load_base(folder), unet=unet)


def signs(index: int) -> Encoded:
    """Latents (4, 8, 8) far from 0, and where they are above it as a condition (3, 64, 64)."""
    latent = 2 * torch.randn(4, 8, 8, generator=torch.Generator().manual_seed(index)).sign()
    condition = (latent[:3] > 0).to(torch.uint8).repeat_interleave(8, 1).repeat_interleave(8, 2) * 255
    return Encoded(f"signs {index}", latent, f"house {index}", condition, index)


def signs_batches(base: BaseModel, batch_size: int = 3) -> Batches:
    return Batches([signs(index) for index in range(COUNT)], base, batch_size, seed=0)


def condition_images(count: int = 3) -> Tensor:
    """(count, 3, 64, 64) in [0, 1]."""
    return torch.stack([signs(100 + index).condition_values() for index in range(count)])
