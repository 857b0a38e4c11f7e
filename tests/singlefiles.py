"""Single files of bases with the real layout and narrow levels, and the golden lists of the real ones."""

import gzip
import json
import os
from functools import cache
from itertools import islice, product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from safetensors.torch import save_file
from torch import Tensor, nn
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

from zeroconv.base import BaseModel
from zeroconv.base.families import FULL_SIZE
from zeroconv.base.single_file.configs import scheduler_of
from zeroconv.base.single_file.vocabulary import Vocabulary, _letters, find_vocabulary
from zeroconv.base.single_file.writing import original_state

GOLDEN = Path(__file__).parent / "original" / "golden"
FAMILIES = ("sd15", "sd21", "sdxl")
_WIDTHS = {"sd15": (32, 64, 64, 64), "sd21": (64, 64, 128, 128), "sdxl": (32, 64, 128)}


def golden(name: str) -> dict[str, Tensor]:
    """Names and shapes of a released file, on the meta device."""
    with gzip.open(GOLDEN / f"{name}.txt.gz", "rt") as file:
        rows = [line.split() for line in file]
    shapes = {key: () if shape == "-" else tuple(map(int, shape.split("x"))) for key, shape in rows}
    return {key: torch.empty(shape, device="meta") for key, shape in shapes.items()}


def write_vocabulary(folder: Path) -> Path:
    """As many tokens as CLIP's in OpenAI's form, with merges of our own: the first 48,894 pairs of bytes."""
    pairs = islice(product(_letters(), repeat=2), 49408 - 2 * 256 - 2)
    folder.mkdir(parents=True, exist_ok=True)
    with gzip.open(folder / "bpe_simple_vocab_16e6.txt.gz", "wt", encoding="utf-8") as file:
        file.write("\n".join(["#version: 0.2", *(" ".join(pair) for pair in pairs), "left over"]))
    return folder


@cache
def vocabulary() -> Vocabulary:
    """That vocabulary, read."""
    with TemporaryDirectory() as folder:
        return find_vocabulary(write_vocabulary(Path(folder)))


def narrow_base(family: str, **changes: Any) -> BaseModel:
    """A random base with the family's kinds of blocks and narrow levels; its text encoders read CLIP's tokens."""
    torch.manual_seed(0)
    widths, wide = _WIDTHS[family], {"sd15": 64, "sd21": 64, "sdxl": 192}[family]
    config = {**FULL_SIZE[family], "block_out_channels": widths, "cross_attention_dim": wide, **changes}
    if family != "sd15":
        config["attention_head_dim"] = tuple(max(1, width // 64) for width in widths)
    if family == "sdxl":
        config |= {"projection_class_embeddings_input_dim": 128 + 6 * 256, "transformer_layers_per_block": (1, 1, 2)}
    unet = UNet2DConditionModel(sample_size=128 if family == "sdxl" else 64, **config)
    is_xl = family == "sdxl"
    kinds = {"sd15": ("clip",), "sd21": ("open_clip",), "sdxl": ("clip", "open_clip")}[family]
    return BaseModel(
        family,
        unet,
        _autoencoder(is_xl),
        tuple(_text_encoder(kind, is_projected=is_xl and number == 1) for number, kind in enumerate(kinds)),
        tuple(vocabulary().tokenizer(kind, 77) for kind in kinds),
        scheduler_of(is_xl, "epsilon", False),
        is_xl,
    )


def _autoencoder(is_xl: bool) -> nn.Module:
    return AutoencoderKL(
        block_out_channels=(32, 32, 64, 64),
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        latent_channels=4,
        layers_per_block=2,
        sample_size=1024 if is_xl else 512,
        scaling_factor=0.13025 if is_xl else 0.18215,
    )


def _text_encoder(kind: str, is_projected: bool) -> nn.Module:
    width = 128 if is_projected else 64
    config = CLIPTextConfig(
        vocab_size=49408,
        hidden_size=width,
        intermediate_size=2 * width,
        projection_dim=width,
        num_hidden_layers=3,
        num_attention_heads=width // 64,
        hidden_act="quick_gelu" if kind == "clip" else "gelu",
        bos_token_id=0,
        eos_token_id=2,
        pad_token_id=1,
    )
    return (CLIPTextModelWithProjection if is_projected else CLIPTextModel)(config).eval()


def write_file(base: BaseModel, path: Path, **changes: Tensor) -> Path:
    """The base as a single file; `changes` are weights in place of its own or beside them."""
    state = original_state(base) | changes
    if path.suffix == ".safetensors":
        save_file({key: value.contiguous().clone() for key, value in state.items()}, path)
    else:
        torch.save({"state_dict": state, "global_step": 1}, path)
    return path


def write_sparse(state: dict[str, Tensor], path: Path, dtype: torch.dtype = torch.float32) -> Path:
    """A safetensors file of these names and shapes at its full size, whose weights are a hole in the file."""
    name, size = {torch.float32: ("F32", 4), torch.float16: ("F16", 2)}[dtype]
    header, end = {}, 0
    for key, value in state.items():
        header[key] = {
            "dtype": name,
            "shape": list(value.shape),
            "data_offsets": [end, end := end + size * value.numel()],
        }
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(len(text).to_bytes(8, "little") + text)
    os.truncate(path, 8 + len(text) + end)
    return path
