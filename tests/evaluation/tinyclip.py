"""Random CLIP and DINOv2 networks of a few thousand weights, on disk as transformers writes the real ones."""

from pathlib import Path

import torch
import transformers
from transformers.models.bit.image_processing_pil_bit import BitImageProcessorPil
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil
from transformers.utils import logging

from tinybases import write_tokenizer

SIZES = {"size": {"shortest_edge": 28}, "crop_size": {"height": 28, "width": 28}}


def write_clip(folder: Path, features: int = 12) -> Path:
    """A CLIP whose embeddings have so many features, with a tokenizer that was trained on a few words."""
    _quiet()
    tokenizer = write_tokenizer(folder)
    shared = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 16}
    text = {"vocab_size": len(tokenizer), "max_position_embeddings": 40, "eos_token_id": tokenizer.eos_token_id}
    config = transformers.CLIPConfig(
        text_config={**shared, **text, "bos_token_id": tokenizer.bos_token_id},
        vision_config={**shared, "image_size": 28, "patch_size": 14},
        projection_dim=features,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        transformers.CLIPModel(config).eval().save_pretrained(folder)
    CLIPImageProcessorPil(**SIZES).save_pretrained(folder)
    return folder


def write_dino(folder: Path) -> Path:
    """A DINOv2 with 16 features."""
    _quiet()
    config = transformers.Dinov2Config(
        hidden_size=16, num_hidden_layers=2, num_attention_heads=2, image_size=28, patch_size=14
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        transformers.Dinov2Model(config).eval().save_pretrained(folder)
    BitImageProcessorPil(**SIZES).save_pretrained(folder)
    return folder


def _quiet() -> None:
    logging.set_verbosity_error()
    logging.disable_progress_bar()
