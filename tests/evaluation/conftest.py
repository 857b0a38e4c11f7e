"""A small random base with a ControlNet whose joints are randomised, and a few real held-out scenes."""

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from diffusers import AutoencoderKL, DDIMScheduler, UNet2DConditionModel
from torch import Tensor, nn

from zeroconv.base import BaseModel
from zeroconv.control import ControlNet
from zeroconv.evaluation.held_out import HeldOut, held_out_scenes

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


@pytest.fixture(scope="session")
def small_base() -> BaseModel:
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


@pytest.fixture(scope="session")
def small_controlnet(small_base: BaseModel) -> ControlNet:
    torch.manual_seed(1)
    controlnet = ControlNet(small_base.unet, factor=small_base.factor)
    for parameter in controlnet.parameters():
        if not parameter.any():
            nn.init.normal_(parameter, std=0.2)
    return controlnet.eval()


@pytest.fixture(scope="session")
def few_scenes() -> HeldOut:
    return held_out_scenes(24, 32)


@pytest.fixture
def training_record() -> dict[str, Any]:
    """What a ControlNet's sidecar records of its training."""
    return {
        "config": {"steps": 10},
        "steps": 10,
        "samples": 40,
        "seconds": 60.0,
        "data": {"kind": "scenes"},
        "machine": {"device": "cpu"},
        "versions": {"torch": "2"},
        "gain": [],
    }
