"""What the shapes of a U-Net's encoder, in diffusers' names, say of its config.

Source: the config keys of diffusers' UNet2DConditionModel.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from zeroconv.errors import UserError
from zeroconv.original.names import highest

CROSS, PLAIN = "CrossAttnDownBlock2D", "DownBlock2D"
MIDDLES = ("UNetMidBlock2DCrossAttn", "UNetMidBlock2D")


def encoder_of_shapes(state: Mapping[str, Tensor]) -> dict[str, Any]:
    """What the shapes of an encoder's weights say of its config; UserError where a weight is missing."""
    levels = range(1 + highest(state, r"down_blocks\.(\d+)\."))
    depths = [_depth(state, f"down_blocks.{level}") for level in levels]
    middle = _depth(state, "mid_block")
    # a level without attention has its place in the list, but nothing reads its number; the last is the middle's too
    layers = [*(depth or 1 for depth in depths[:-1]), max(*depths[-1:], middle, 1)]
    return {
        "in_channels": shape(state, "conv_in.weight")[1],
        "block_out_channels": [shape(state, f"down_blocks.{level}.resnets.0.conv1.weight")[0] for level in levels],
        "layers_per_block": 1 + highest(state, r"down_blocks\.0\.resnets\.(\d+)\."),
        "down_block_types": [CROSS if depth else PLAIN for depth in depths],
        "mid_block_type": MIDDLES[0] if middle else MIDDLES[1],
        "transformer_layers_per_block": layers[0] if len(set(layers)) == 1 else layers,
        **_text_of_shapes(state),
    }


def _text_of_shapes(state: Mapping[str, Tensor]) -> dict[str, Any]:
    """How the text enters: its width, the kind of projections, and SDXL's added embeddings."""
    found: dict[str, Any] = {}
    if key := next((key for key in state if key.endswith("attn2.to_k.weight")), None):
        projection = f"{key.partition('transformer_blocks')[0]}proj_in.weight"
        found |= {
            "cross_attention_dim": state[key].shape[1],
            "use_linear_projection": len(shape(state, projection)) == 2,
        }
    if (added := state.get("add_embedding.linear_1.weight")) is not None:
        return found | {"addition_embed_type": "text_time", "projection_class_embeddings_input_dim": added.shape[1]}
    is_plain = not any(key.startswith("add_embedding.") for key in state)
    return found | ({"addition_embed_type": None} if is_plain else {})


def shape(state: Mapping[str, Tensor], key: str) -> torch.Size:
    """The shape of one weight; UserError where it is missing."""
    if key not in state:
        raise UserError(f"the checkpoint is incomplete: it lacks {key} ({len(state)} tensors are there).")
    return state[key].shape


def _depth(state: Mapping[str, Tensor], block: str) -> int:
    """Transformer layers of each attention in a block; 0 where it has no attention."""
    return 1 + highest(state, rf"{block}\.attentions\.0\.transformer_blocks\.(\d+)\.")
