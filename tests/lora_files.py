"""LoRAs of random numbers, as files."""

from pathlib import Path

import torch
from safetensors.torch import save_file

from zeroconv.base import BaseModel

RANK = 2
QUERIES = {"unet": ("to_q",), "text_encoder": ("q_proj",)}


def write_lora(base: BaseModel, path: Path, layers: dict[str, tuple[str, ...]] = QUERIES, seed: int = 0) -> Path:
    """A random LoRA on these layers of the U-Net and the text encoder, in diffusers' layout."""
    generator = torch.Generator().manual_seed(seed)
    state: dict[str, torch.Tensor] = {}
    for prefix, network in {"unet": base.unet, "text_encoder": base.text_encoders[0]}.items():
        for name, module in network.named_modules():
            if name.endswith(layers[prefix]):
                key = f"{prefix}.{name}"
                state[f"{key}.lora_A.weight"] = torch.randn(RANK, module.in_features, generator=generator)
                state[f"{key}.lora_B.weight"] = torch.randn(module.out_features, RANK, generator=generator)
    save_file(state, path)
    return path
