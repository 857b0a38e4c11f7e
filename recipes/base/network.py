"""The U-Net of the embedded base, its noise schedule, and the index that makes the parts one pipeline."""

import json
from pathlib import Path

from diffusers import DDIMScheduler, UNet2DConditionModel
from text import WIDTH


def build(latent_channels: int) -> UNet2DConditionModel:
    """An untrained U-Net for (C, 16, 16) latents; a trainable copy of its encoder has at most 2.8 M parameters."""
    return UNet2DConditionModel(
        sample_size=16,
        in_channels=latent_channels,
        out_channels=latent_channels,
        block_out_channels=(80, 112, 120),
        layers_per_block=1,
        cross_attention_dim=WIDTH,
        attention_head_dim=4,  # diffusers means the number of heads
        norm_num_groups=8,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
    )


def noise_schedule() -> DDIMScheduler:
    """Stable Diffusion's schedule brought to zero signal at the last step."""
    return DDIMScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        prediction_type="v_prediction",
        rescale_betas_zero_snr=True,
        timestep_spacing="trailing",
        clip_sample=False,
        steps_offset=1,
    )


def write_index(folder: Path) -> None:
    """What makes the parts in a folder a StableDiffusionPipeline."""
    index = {
        "_class_name": "StableDiffusionPipeline",
        "feature_extractor": [None, None],
        "requires_safety_checker": False,
        "safety_checker": [None, None],
        "image_encoder": [None, None],
        "scheduler": ["diffusers", "DDIMScheduler"],
        "text_encoder": ["transformers", "CLIPTextModel"],
        "tokenizer": ["transformers", "CLIPTokenizer"],
        "unet": ["diffusers", "UNet2DConditionModel"],
        "vae": ["diffusers", "AutoencoderKL"],
    }
    (folder / "model_index.json").write_text(json.dumps(index, indent=2) + "\n")
