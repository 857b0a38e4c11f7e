"""Random bases in the diffusers folder format, small enough for tests: SD 1.5-, SD 2.1- and SDXL-shaped."""

import json
from pathlib import Path
from typing import Any

import torch
from diffusers import (
    AutoencoderKL,
    DDIMScheduler,
    StableDiffusionPipeline,
    StableDiffusionXLPipeline,
    UNet2DConditionModel,
)
from torch import nn
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer

KINDS = ("sd15", "sd21", "sdxl")
LENGTH = 16
WIDTH = 32
_CROSS, _PLAIN = "CrossAttnDownBlock2D", "DownBlock2D"


def unet_config(kind: str, **changes: Any) -> dict[str, Any]:
    """The shape of the real U-Net with narrow levels: same kinds of blocks, same number of residuals."""
    common: dict[str, Any] = {
        "layers_per_block": 2,
        "norm_num_groups": 8,
        "sample_size": 8,
        "cross_attention_dim": WIDTH,
    }
    if kind == "sdxl":
        levels: dict[str, Any] = {
            "block_out_channels": (16, 32, 32),
            "down_block_types": (_PLAIN, _CROSS, _CROSS),
            "up_block_types": ("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
            "transformer_layers_per_block": (1, 1, 2),
            "attention_head_dim": (2, 4, 4),
            "use_linear_projection": True,
            "addition_embed_type": "text_time",
            "addition_time_embed_dim": 8,
            "projection_class_embeddings_input_dim": WIDTH + 6 * 8,
            "cross_attention_dim": 2 * WIDTH,
        }
    else:
        levels = {
            "block_out_channels": (16, 32, 32, 32),
            "down_block_types": (_CROSS, _CROSS, _CROSS, _PLAIN),
            "up_block_types": ("UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"),
            "attention_head_dim": 4 if kind == "sd15" else (2, 4, 4, 4),
            "use_linear_projection": kind == "sd21",
        }
    return common | levels | changes


def random_unet(kind: str, seed: int = 0, **changes: Any) -> UNet2DConditionModel:
    """A small random U-Net, in eval mode."""
    torch.manual_seed(seed)
    return UNet2DConditionModel(**unet_config(kind, **changes)).eval()


def randomise(module: nn.Module, seed: int = 1, scale: float = 0.1) -> None:
    """Give every weight of `module` random numbers, above all the zero convolutions, with which wiring goes unseen."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(scale * torch.randn(parameter.shape, generator=generator))


def write_tokenizer(folder: Path, pad: str = "<|endoftext|>") -> CLIPTokenizer:
    """A byte-level CLIP tokenizer with a handful of merges, written as vocab.json and merges.txt."""
    letters = [chr(code) for code in (*range(33, 127), *range(161, 173), *range(174, 256))]
    letters += [chr(256 + index) for index in range(256 - len(letters))]
    merges = ["r e", "re d</w>", "h o", "u s", "ho us", "hous e</w>", "a </w>"]
    pieces = [*letters, *(f"{letter}</w>" for letter in letters), "re", "red</w>", "ho", "us", "hous", "house</w>"]
    pieces += ["<|startoftext|>", "<|endoftext|>"] + (["!pad"] if pad == "!pad" else [])
    folder.mkdir(parents=True, exist_ok=True)
    vocabulary = {piece: number for number, piece in enumerate(pieces)}
    (folder / "vocab.json").write_text(json.dumps(vocabulary), "utf-8")
    (folder / "merges.txt").write_text("#version: 0.2\n" + "\n".join(merges[:-1]) + "\n", "utf-8")
    special = {"bos_token": "<|startoftext|>", "eos_token": "<|endoftext|>", "unk_token": "<|endoftext|>"}
    settings = {"model_max_length": LENGTH, "tokenizer_class": "CLIPTokenizer", "pad_token": pad, **special}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings), "utf-8")
    return CLIPTokenizer.from_pretrained(folder, local_files_only=True)


def _text_encoder(tokenizer: CLIPTokenizer, projected: bool) -> nn.Module:
    config = CLIPTextConfig(
        vocab_size=len(tokenizer),
        hidden_size=WIDTH,
        intermediate_size=2 * WIDTH,
        num_hidden_layers=3,
        num_attention_heads=4,
        max_position_embeddings=LENGTH,
        projection_dim=WIDTH,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    return (CLIPTextModelWithProjection if projected else CLIPTextModel)(config).eval()


def _autoencoder() -> AutoencoderKL:
    return AutoencoderKL(
        block_out_channels=(8, 8, 8, 8),
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        norm_num_groups=4,
        latent_channels=4,
        sample_size=64,
        scaling_factor=0.2,
    ).eval()


def random_pipeline(kind: str, folder: Path) -> StableDiffusionPipeline | StableDiffusionXLPipeline:
    """A diffusers pipeline with random weights; `folder` takes the tokenizer's files."""
    unet = random_unet(kind)
    schedule = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear", "steps_offset": 1}
    prediction = "v_prediction" if kind == "sd21" else "epsilon"
    scheduler = DDIMScheduler(clip_sample=False, set_alpha_to_one=False, prediction_type=prediction, **schedule)
    tokenizer = write_tokenizer(folder / "tokenizer")
    parts = {"unet": unet, "vae": _autoencoder(), "scheduler": scheduler, "tokenizer": tokenizer}
    parts["text_encoder"] = _text_encoder(tokenizer, projected=False)
    if kind != "sdxl":
        plain = {"safety_checker": None, "feature_extractor": None, "requires_safety_checker": False}
        return StableDiffusionPipeline(**parts, **plain)
    parts["tokenizer_2"] = write_tokenizer(folder / "tokenizer_2", pad="!pad")
    parts["text_encoder_2"] = _text_encoder(parts["tokenizer_2"], projected=True)
    return StableDiffusionXLPipeline(**parts, add_watermarker=False)


def write_base(kind: str, folder: Path) -> Path:
    """A random base of the given shape as a diffusers folder on disk."""
    pipeline = random_pipeline(kind, folder)
    pipeline.save_pretrained(folder)
    for name in ("tokenizer", "tokenizer_2")[: 1 + (kind == "sdxl")]:
        write_tokenizer(folder / name, pad="!pad" if name == "tokenizer_2" else "<|endoftext|>")
    return folder


def pipeline_of(kind: str, folder: Path) -> StableDiffusionPipeline | StableDiffusionXLPipeline:
    """diffusers' own pipeline of such a folder."""
    pipeline = StableDiffusionXLPipeline if kind == "sdxl" else StableDiffusionPipeline
    return pipeline.from_pretrained(folder, local_files_only=True, low_cpu_mem_usage=False)
