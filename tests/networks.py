"""Small random networks of every kind that ControlNet must copy, and what they read."""

from functools import cache
from typing import Any

import torch
from diffusers import ControlNetModel, DDIMScheduler, UNet2DConditionModel
from torch import Tensor, nn

from tinybases import LENGTH, WIDTH, random_unet
from zeroconv.base import BaseModel
from zeroconv.control import ControlNet, Text

_PLAIN: dict[str, Any] = {
    "down_block_types": ("DownBlock2D",) * 4,
    "up_block_types": ("UpBlock2D",) * 4,
    "mid_block_type": "UNetMidBlock2D",
}

# What diffusers' ControlNetModel can copy too: kind -> (shape of tinybases, changes to it).
SHARED_KINDS: dict[str, tuple[str, dict[str, Any]]] = {
    "sd15": ("sd15", {}),
    "sd21": ("sd21", {}),
    "sdxl": ("sdxl", {}),
    "inpainting": ("sd15", {"in_channels": 9}),
    "no attention": ("sd15", _PLAIN),
    "one level": (
        "sd15",
        {
            "block_out_channels": (16,),
            "down_block_types": ("CrossAttnDownBlock2D",),
            "up_block_types": ("CrossAttnUpBlock2D",),
            "layers_per_block": 1,
        },
    ),
    "classes": ("sd15", {"num_class_embeds": 5}),
    "text additions": ("sd15", {"addition_embed_type": "text", "cross_attention_dim": 64}),
}
# What it cannot copy.
OWN_KINDS: dict[str, tuple[str, dict[str, Any]]] = {
    "tuples": (
        "sd15",
        {
            "layers_per_block": (1, 2, 3, 1),
            "attention_head_dim": (2, 4, 8, 4),
            "transformer_layers_per_block": (1, 2, 1, 1),
        },
    ),
    "no middle": ("sd15", {"mid_block_type": None}),
}
KINDS = {**SHARED_KINDS, **OWN_KINDS}


@cache
def small_unet(kind: str) -> UNet2DConditionModel:
    """A random U-Net of the given kind, locked as a base is; shared, so no test may change it."""
    shape, changes = KINDS[kind]
    return random_unet(shape, **changes).requires_grad_(False)


def small_base(kind: str = "sd15", prediction_type: str = "epsilon") -> BaseModel:
    """A base with a random U-Net and nothing around it: no autoencoder, no text encoders."""
    scheduler = DDIMScheduler(beta_schedule="scaled_linear", steps_offset=1, prediction_type=prediction_type)
    return BaseModel(kind, small_unet(kind), nn.Identity(), (), (), scheduler)


def small_controlnet(
    unet: UNet2DConditionModel, seed: int = 1, kind: type[ControlNet] = ControlNet, **options: Any
) -> ControlNet:
    """A ControlNet of which every zero convolution is randomised, with a small condition encoder."""
    torch.manual_seed(seed)
    controlnet = kind(unet, **{"conditioning_channels": (4, 8, 8, 16), **options})
    randomise_zero_convolutions(controlnet, seed)
    return controlnet.eval()


def randomise_zero_convolutions(controlnet: ControlNet, seed: int = 1, scale: float = 0.1) -> None:
    """Random numbers into every zero convolution: with zeros no test can see a wrong wiring."""
    generator = torch.Generator().manual_seed(seed)
    joints = (controlnet.zero_convolutions, controlnet.middle_zero_convolution, controlnet.condition_encoder.conv_out)
    with torch.no_grad():
        for joint in joints:
            for parameter in joint.parameters():
                parameter.copy_(scale * torch.randn(parameter.shape, generator=generator))


def random_text(unet: UNet2DConditionModel, batch: int = 2, seed: int = 2) -> Text:
    """Random states of the shapes that the U-Net reads."""
    generator = torch.Generator().manual_seed(seed)
    tokens = torch.randn(batch, LENGTH, unet.config.cross_attention_dim, generator=generator)
    if unet.config.addition_embed_type != "text_time":
        return Text(tokens)
    sizes = torch.tensor([[64.0, 64.0, 0.0, 8.0, 64.0, 64.0]]).repeat(batch, 1)
    return Text(tokens, torch.randn(batch, WIDTH, generator=generator), sizes)


def random_latents(unet: UNet2DConditionModel, batch: int = 2, seed: int = 3, size: int = 8) -> Tensor:
    """(B, C, size, size) of as many channels as the U-Net reads."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(batch, unet.config.in_channels, size, size, generator=generator)


def random_condition(batch: int = 2, seed: int = 4, size: int = 64, channels: int = 3) -> Tensor:
    """(B, channels, size, size) in [0, 1]."""
    return torch.rand(batch, channels, size, size, generator=torch.Generator().manual_seed(seed))


_PREFIXES = {
    "condition_encoder.": "controlnet_cond_embedding.",
    "zero_convolutions.": "controlnet_down_blocks.",
    "middle_zero_convolution.": "controlnet_mid_block.",
}


def as_theirs(controlnet: ControlNet, unet: UNet2DConditionModel) -> ControlNetModel:
    """diffusers' ControlNet with the same weights, by a renaming of its own: weights.py has its own tests."""
    theirs = ControlNetModel.from_unet(
        unet,
        conditioning_embedding_out_channels=controlnet.conditioning_channels,
        conditioning_channels=controlnet.condition_channels,
        load_weights_from_unet=False,
    ).eval()
    theirs.register_to_config(global_pool_conditions=controlnet.global_pool)
    theirs.load_state_dict({_their_key(key): value for key, value in controlnet.state_dict().items()})
    return theirs


def _their_key(key: str) -> str:
    for ours, theirs in _PREFIXES.items():
        if key.startswith(ours):
            return theirs + key.removeprefix(ours)
    return key
