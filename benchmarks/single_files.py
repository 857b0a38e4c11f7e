"""Is a base read from a single file of the real size what diffusers reads from it, weight by weight?

    python benchmarks/single_files.py TOKENIZER [--family sd15 sd21 sdxl] [--folder DIR]

Writes files of the released names and shapes (tests/original/golden) with random weights in float16, reads each with
`load_base` and with diffusers' from_single_file, and compares all weights bit by bit; then a picture's first prediction
of both. TOKENIZER is a folder with CLIP's vocabulary, which such files do not hold. Memory: 9 GB for SDXL; the file
itself has 7 GB.
"""

import argparse
import gc
import gzip
import hashlib
import math
import tempfile
import time
from pathlib import Path
from typing import Any

import torch
from diffusers import StableDiffusionPipeline, StableDiffusionXLPipeline
from safetensors.torch import save_file
from torch import Tensor, nn

from zeroconv import load_base
from zeroconv.base.saving import save_base

GOLDEN = Path(__file__).parents[1] / "tests" / "original" / "golden"
PARTS = ("unet", "vae", "text_encoder", "text_encoder_2")
Hashes = dict[str, dict[str, str]]


def random_file(family: str, path: Path) -> Path:
    """A file as it is released, with random weights of the size that networks begin with."""
    generator = torch.Generator().manual_seed(0)
    with gzip.open(GOLDEN / f"{family}.txt.gz", "rt") as file:
        rows = [line.split() for line in file]
    shapes = {key: () if shape == "-" else tuple(map(int, shape.split("x"))) for key, shape in rows}
    save_file({key: random_weight(key, shape, generator) for key, shape in shapes.items()}, path)
    return path


def random_weight(key: str, shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    if key.endswith("position_ids"):
        return torch.arange(math.prod(shape)).reshape(shape)
    spread = 1 / math.sqrt(math.prod(shape[1:]) or 1) if len(shape) > 1 else 0.1
    middle = 1.0 if "norm" in key and key.endswith("weight") and len(shape) == 1 else 0.0
    return torch.empty(shape).normal_(middle, spread, generator=generator).half()


def hashes(parts: dict[str, nn.Module]) -> Hashes:
    """sha256 of every weight of every part, by its name in diffusers and transformers."""
    return {
        part: {key: digest(value) for key, value in network.state_dict().items() if not key.endswith("position_ids")}
        for part, network in parts.items()
    }


def digest(weight: Tensor) -> str:
    """Of the numbers in float16, which is what the file holds: SDXL's autoencoder is read into float32 by us."""
    weight = weight.half() if weight.is_floating_point() else weight
    shape = str(tuple(weight.shape)).encode()
    return hashlib.sha256(shape + weight.contiguous().view(torch.uint8).numpy().tobytes()).hexdigest()


@torch.no_grad()
def prediction(unet: nn.Module) -> Tensor:
    """The U-Net's answer (1, C, 16, 16) to noise, computed in float16."""
    generator = torch.Generator().manual_seed(1)
    config: Any = unet.config
    latents = torch.randn(1, config.in_channels, 16, 16, generator=generator).half()
    text = torch.randn(1, 77, config.cross_attention_dim, generator=generator).half()
    wide = config.projection_class_embeddings_input_dim
    added = None
    if wide:
        pooled = torch.randn(1, wide - 6 * config.addition_time_embed_dim, generator=generator).half()
        added = {"text_embeds": pooled, "time_ids": torch.tensor([[128.0, 128, 0, 0, 128, 128]]).half()}
    result: Tensor = unet(latents, torch.tensor([500]), text, added_cond_kwargs=added).sample
    return result.float()


def ours(file: Path, tokenizer: Path, folder: Path) -> tuple[Hashes, Tensor]:
    """What `load_base` makes of the file; its configurations are left in `folder`, for diffusers, without weights."""
    base = load_base(file, dtype=torch.float16, tokenizer=tokenizer, prediction="epsilon")
    save_base(base, folder)
    for weights in folder.rglob("*.safetensors"):
        weights.unlink()
    parts = dict(zip(PARTS, (base.unet, base.vae, *base.text_encoders), strict=False))
    return hashes(parts), prediction(base.unet)


def theirs(file: Path, folder: Path, parts: Hashes) -> tuple[Hashes, Tensor]:
    """What diffusers makes of it with these configurations."""
    kind = StableDiffusionXLPipeline if "text_encoder_2" in parts else StableDiffusionPipeline
    options = {} if "text_encoder_2" in parts else {"safety_checker": None}
    pipeline = kind.from_single_file(
        str(file), config=str(folder), local_files_only=True, torch_dtype=torch.float16, **options
    )
    return hashes({part: getattr(pipeline, part) for part in parts}), prediction(pipeline.unet)


def compare(family: str, tokenizer: Path, scratch: Path) -> None:
    """Prints one family's line."""
    file, began = random_file(family, scratch / f"{family}.safetensors"), time.perf_counter()
    mine, predicted = ours(file, tokenizer, scratch / family)
    gc.collect()
    others, expected = theirs(file, scratch / family, mine)
    gc.collect()
    pairs = [(name, key) for name in mine for key in mine[name].keys() | others[name].keys()]
    differing = [pair for pair in pairs if mine[pair[0]].get(pair[1]) != others[pair[0]].get(pair[1])]
    largest = (predicted - expected).abs().max().item()
    size, seconds = file.stat().st_size / 2**30, time.perf_counter() - began
    told = f"{len(pairs)} weights, of which {len(differing)} differ; prediction differs by {largest:g} of "
    print(f"{family}: {size:.1f} GiB, {told}{expected.abs().max():.2f}; {seconds:.0f} s", *differing[:5], flush=True)
    file.unlink()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tokenizer", type=Path)
    parser.add_argument("--family", nargs="+", choices=("sd15", "sd21", "sdxl"), default=["sd15", "sd21", "sdxl"])
    parser.add_argument("--folder", type=Path, help="for the files, which are removed again (default: temporary)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.folder) as scratch:
        for family in arguments.family:
            compare(family, arguments.tokenizer, Path(scratch))


if __name__ == "__main__":
    main()
