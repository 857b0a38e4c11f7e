"""A base in memory, smaller than those of tinybases.py: its words are numbers, its networks of two and three levels."""

from types import SimpleNamespace
from typing import Any

import torch
from diffusers import AutoencoderKL, DDIMScheduler, UNet2DConditionModel
from torch import Tensor, nn

from zeroconv.base import BaseModel

LENGTH, WORDS, WIDTH = 6, 97, 8


class WordTokenizer:
    """Each word a number; enough of a CLIP tokenizer for `encode_text`."""

    model_max_length = LENGTH

    def __call__(self, texts: Any, max_length: int = LENGTH, **_: Any) -> SimpleNamespace:
        if isinstance(texts, str):
            return SimpleNamespace(input_ids=[0] * LENGTH)
        ids = [[sum(map(ord, word)) % WORDS for word in text.split()][:LENGTH] for text in texts]
        return SimpleNamespace(input_ids=torch.tensor([row + [0] * (LENGTH - len(row)) for row in ids]))


class WordEncoder(nn.Module):
    """One vector a word."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(WORDS, WIDTH)
        self.config = SimpleNamespace(max_position_embeddings=LENGTH)
        self.dtype, self.device = torch.float32, torch.device("cpu")

    def forward(self, tokens: Tensor, attention_mask: Tensor | None = None) -> tuple[Tensor]:
        return (self.embedding(tokens),)


def word_base() -> BaseModel:
    """Random weights: two levels, factor 4, native size 32, predicts velocity."""
    torch.manual_seed(0)
    unet = UNet2DConditionModel(
        sample_size=8,
        block_out_channels=(8, 16),
        layers_per_block=1,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        cross_attention_dim=WIDTH,
        attention_head_dim=2,
        norm_num_groups=4,
    )
    vae = AutoencoderKL(
        block_out_channels=(8, 8, 8),
        down_block_types=("DownEncoderBlock2D",) * 3,
        up_block_types=("UpDecoderBlock2D",) * 3,
        norm_num_groups=4,
        latent_channels=4,
    )
    scheduler = DDIMScheduler(steps_offset=1, prediction_type="v_prediction")
    return BaseModel("small", unet, vae, (WordEncoder(),), (WordTokenizer(),), scheduler)
