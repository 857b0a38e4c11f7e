"""The released files' names go to diffusers' and come back; what is no base is known by its names."""

import pytest
import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPTextModelWithProjection

from singlefiles import FAMILIES, golden
from zeroconv.base.families import FULL_SIZE
from zeroconv.original.autoencoder import autoencoder_to_diffusers, autoencoder_to_original
from zeroconv.original.names import inside
from zeroconv.original.strangers import what_is
from zeroconv.original.text_encoders import open_clip_to_original, open_clip_to_transformers
from zeroconv.original.unet import unet_to_diffusers, unet_to_original


def shapes(state: dict[str, torch.Tensor]) -> dict[str, torch.Size]:
    return {key: value.shape for key, value in state.items()}


@pytest.mark.parametrize("family", FAMILIES)
def test_the_unet(family: str) -> None:
    original = inside(golden(family), "model.diffusion_model.")
    found, odd = unet_to_diffusers(original)
    with torch.device("meta"):
        expected = UNet2DConditionModel(**FULL_SIZE[family]).state_dict()
    assert not odd and shapes(found) == shapes(expected)
    back, odd = unet_to_original(found)
    assert not odd and shapes(back) == shapes(original)


def test_the_autoencoder() -> None:
    original = inside(golden("sd15"), "first_stage_model.")
    found, odd = autoencoder_to_diffusers(original)
    with torch.device("meta"):
        expected = AutoencoderKL(
            block_out_channels=(128, 256, 512, 512),
            down_block_types=("DownEncoderBlock2D",) * 4,
            up_block_types=("UpDecoderBlock2D",) * 4,
            layers_per_block=2,
        ).state_dict()
    assert not odd and shapes(found) == shapes(expected)
    back, odd = autoencoder_to_original(found)
    assert not odd and shapes(back) == shapes(original)


def test_open_clip() -> None:
    original = inside(golden("sdxl"), "conditioner.embedders.1.model.")
    found, odd = open_clip_to_transformers(original)
    sizes = {"hidden_size": 1280, "intermediate_size": 5120, "num_hidden_layers": 32, "num_attention_heads": 20}
    with torch.device("meta"):
        network = CLIPTextModelWithProjection(CLIPTextConfig(vocab_size=49408, projection_dim=1280, **sizes))
    assert odd == ["logit_scale"] and shapes(found) == shapes(network.state_dict())
    back, odd = open_clip_to_original(found)
    assert not odd and shapes(back) == {key: value.shape for key, value in original.items() if key != "logit_scale"}


@pytest.mark.parametrize(
    ("key", "kind"),
    [
        ("lllite_unet_input_blocks_4_1_transformer_blocks_0_attn1_to_q.down.0.weight", "a ControlNet-LLLite"),
        ("image_proj.proj.weight", "an IP-Adapter"),
        ("ip_adapter.1.to_k_ip.weight", "an IP-Adapter"),
        ("task_embedding", "a ControlNet-Union"),
        ("control_add_embedding.linear_1.weight", "a ControlNet-Union"),
        ("body.0.in_conv.weight", "a T2I-Adapter"),
        ("adapter.body.0.resnets.0.block1.weight", "a T2I-Adapter"),
        ("lora_unet_down_blocks_0_attentions_0_proj_in.lora_up.weight", "a LoRA"),
        ("unet.down_blocks.0.lora_A.weight", "a LoRA"),
        ("controlnet_blocks.0.weight", "a ControlNet of a transformer base (SD 3, FLUX and others)"),
        ("model.diffusion_model.joint_blocks.0.x_block.attn.qkv.weight", "a transformer base"),
        ("double_blocks.0.img_attn.qkv.weight", "a transformer base"),
        ("emb_params", "a textual inversion"),
        ("control_model.input_hint_block.0.weight", "a ControlNet"),
        ("up_blocks.0.resnets.0.conv1.weight", "a U-Net without"),
        ("encoder.conv_in.weight", "an autoencoder alone"),
        ("text_model.final_layer_norm.weight", "a text encoder alone"),
        ("some.thing", "unknown weights (some.thing)"),
    ],
)
def test_strangers_are_known_by_their_names(key: str, kind: str) -> None:
    assert what_is([key]).startswith(kind)
