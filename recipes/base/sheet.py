"""Sixteen fixed prompts drawn as a sheet, to look at while the U-Net learns."""

from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from network import noise_schedule
from PIL import Image
from torch import Tensor
from transformers import CLIPTextModel

PROMPTS = (
    "a red sphere on grass under a blue sky",
    "a large blue cube on snow under a gray sky",
    "a yellow cone on a plain white background",
    "a green pyramid on sand at sunset",
    "a purple cylinder in front of a yellow wall",
    "a large orange ring on a plain gray background",
    "a white house with a red roof on grass under a blue sky",
    "a large green tree on a green meadow",
    "a person in a red shirt and blue trousers standing on snow under a gray sky",
    "a person in a yellow shirt and black trousers with arms raised at night",
    "a red sphere left of a blue cube on a green meadow",
    "a blue cone left of an orange ring in a room with a white wall",
    "a pine tree at night",
    "a red house under a blue sky",
    "",
    "",
)


@torch.no_grad()
def draw(unet: UNet2DConditionModel, encoder: CLIPTextModel, ids: Tensor, empty: Tensor, guidance: float) -> Tensor:
    """Latents for each row of token ids (B, L) with 20 DDIM steps and classifier-free guidance."""
    scheduler = noise_schedule()
    scheduler.set_timesteps(20)
    shape = (len(ids), unet.config.in_channels, 16, 16)
    latents = torch.randn(shape, generator=torch.Generator().manual_seed(0)).to(unet.device)
    states = encoder(torch.cat([empty.expand_as(ids), ids]).to(unet.device)).last_hidden_state
    for timestep in scheduler.timesteps:
        without, with_text = unet(torch.cat([latents, latents]), timestep, states).sample.chunk(2)
        latents = scheduler.step(without + guidance * (with_text - without), timestep, latents).prev_sample
    return latents


@torch.no_grad()
def save_sheet(path: Path, latents: Tensor, vae: AutoencoderKL) -> None:
    """Decode latents (B, C, 16, 16) and lay them out in rows of eight."""
    pictures = vae.to(latents.device).decode(latents).sample.clamp(-1, 1)
    grid = ((pictures + 1) * 127.5).round().byte().permute(0, 2, 3, 1).cpu().numpy()
    rows = [np.concatenate(list(grid[k : k + 8]), 1) for k in range(0, len(grid), 8)]
    Image.fromarray(np.concatenate(rows)).save(path)
