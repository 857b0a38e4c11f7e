"""The configs of a base's networks in diffusers' and transformers' terms, read from the shapes of their weights.

What shapes do not tell is what Stable Diffusion 1.x, 2.x and SDXL have: 8 heads in SD 1.x and heads of 64 channels in
the others, activations, schedules, scales of the latents. State dicts here have diffusers' and transformers' names.
"""

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from zeroconv.base.shapes import CROSS, encoder_of_shapes, shape
from zeroconv.original.names import highest

HEAD_CHANNELS = 64
NATIVE, NATIVE_XL = 64, 128
"""Latents a side: 512 and 1024 pixels."""
_SCHEDULE = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear", "steps_offset": 1}
SAMPLE_SIZE_OF_VELOCITY = 96
"""Latents of the SD 2.x bases that predict velocity: 768 pixels."""


def unet_config(state: Mapping[str, Tensor]) -> dict[str, Any]:
    """The config of a U-Net for diffusers' UNet2DConditionModel."""
    encoder = encoder_of_shapes(state)
    is_xl = encoder.get("addition_embed_type") is not None
    encoder.setdefault("use_linear_projection", False)
    ups = {CROSS: "CrossAttnUpBlock2D"}
    return (
        not_in_shapes(encoder)
        | encoder
        | {
            "out_channels": shape(state, "conv_out.weight")[0],
            "up_block_types": [ups.get(kind, "UpBlock2D") for kind in reversed(encoder["down_block_types"])],
            "sample_size": NATIVE_XL if is_xl else NATIVE,
        }
    )


def not_in_shapes(encoder: Mapping[str, Any]) -> dict[str, Any]:
    """What the shapes of an encoder do not tell, as the families have it; `encoder` is what they do tell."""
    widths = encoder["block_out_channels"]
    is_xl = encoder.get("addition_embed_type") is not None
    has_wide_heads = encoder.get("use_linear_projection") or is_xl
    heads = [max(1, width // HEAD_CHANNELS) for width in widths] if has_wide_heads else 8
    added = {"addition_time_embed_dim": 256, "cross_attention_dim": 2048} if is_xl else {}
    return {"attention_head_dim": heads, **added}


def autoencoder_config(state: Mapping[str, Tensor], is_xl: bool) -> dict[str, Any]:
    """The config of an autoencoder for diffusers' AutoencoderKL; its latents are scaled as the family's."""
    levels = range(1 + highest(state, r"encoder\.down_blocks\.(\d+)\."))
    return {
        "block_out_channels": [
            shape(state, f"encoder.down_blocks.{level}.resnets.0.conv1.weight")[0] for level in levels
        ],
        "down_block_types": ["DownEncoderBlock2D"] * len(levels),
        "up_block_types": ["UpDecoderBlock2D"] * len(levels),
        "latent_channels": shape(state, "decoder.conv_in.weight")[1],
        "layers_per_block": 1 + highest(state, r"encoder\.down_blocks\.0\.resnets\.(\d+)\."),
        "sample_size": 1024 if is_xl else 512,
        "scaling_factor": 0.13025 if is_xl else 0.18215,
    }


def text_config(state: Mapping[str, Tensor], kind: str) -> dict[str, Any]:
    """The config of a text encoder for transformers' CLIPTextModel; `kind` is "clip" or "open_clip"."""
    vocabulary, width = shape(state, "text_model.embeddings.token_embedding.weight")
    return {
        "vocab_size": vocabulary,
        "hidden_size": width,
        "intermediate_size": shape(state, "text_model.encoder.layers.0.mlp.fc1.weight")[0],
        "num_hidden_layers": 1 + highest(state, r"text_model\.encoder\.layers\.(\d+)\."),
        "num_attention_heads": max(1, width // HEAD_CHANNELS),
        "max_position_embeddings": shape(state, "text_model.embeddings.position_embedding.weight")[0],
        "projection_dim": width,
        "hidden_act": "quick_gelu" if kind == "clip" else "gelu",
        # the ids of the published folders; the pooled state is taken where the id is highest, at the end
        "bos_token_id": 0,
        "pad_token_id": 1,
        "eos_token_id": 2,
    }


def scheduler_of(is_xl: bool, prediction: str, has_zero_snr: bool) -> Any:
    """The diffusers scheduler of the published folders: Euler for SDXL, else DDIM; zero terminal SNR by DDIM."""
    from diffusers import DDIMScheduler, EulerDiscreteScheduler

    settings = {**_SCHEDULE, "prediction_type": prediction}
    if is_xl and not has_zero_snr:
        return EulerDiscreteScheduler(**settings, timestep_spacing="leading")
    settings |= {"clip_sample": False, "set_alpha_to_one": False}
    if has_zero_snr:
        settings |= {"rescale_betas_zero_snr": True, "timestep_spacing": "trailing"}
    return DDIMScheduler(**settings)
