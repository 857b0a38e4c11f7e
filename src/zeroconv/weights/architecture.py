"""Which network a checkpoint describes: read from a config, or from the shapes of bare weights.

Source: the config keys of diffusers' ControlNetModel and UNet2DConditionModel. State dicts here have diffusers' names.
"""

import inspect
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from zeroconv.control import ControlNet
from zeroconv.errors import UserError
from zeroconv.variants import variant, variant_of
from zeroconv.weights.keys import highest

CLASS = "ControlNetModel"
OWN_CLASS = "ZeroconvControlNet"
"""The class name of variants that diffusers cannot run, so that nothing misreads them."""

_CROSS, _PLAIN = "CrossAttnDownBlock2D", "DownBlock2D"
_MIDDLES = ("UNetMidBlock2DCrossAttn", "UNetMidBlock2D")
_NOT_A_COPY = ("lite", "modulation")
"""Variants with other weights than a copy of the encoder and its joints."""
# Keys of a U-Net's config that its encoder and middle never read.
_DECODER_ONLY = {
    "sample_size",
    "out_channels",
    "up_block_types",
    "conv_out_kernel",
    "reverse_transformer_layers_per_block",
    "dropout",
}


def only_ours(controlnet: ControlNet) -> str | None:
    """Why diffusers' ControlNetModel cannot run this ControlNet, as a clause; None where it can."""
    config = controlnet.unet_config
    if (name := variant_of(controlnet)) in _NOT_A_COPY:
        return f"it is of the variant {name}"
    if config.get("mid_block_type", _MIDDLES[0]) not in _MIDDLES:
        return f"its middle is {config.get('mid_block_type')}"
    if not isinstance(config.get("layers_per_block", 2), int):
        return "its levels have different numbers of layers"
    changed = _unread_settings(config)
    return f"its base has settings that ControlNetModel does not know: {', '.join(changed)}" if changed else None


def _unread_settings(config: Mapping[str, Any]) -> list[str]:
    """Settings of the base's encoder that differ from the default and that ControlNetModel has no key for."""
    defaults = {name: given.default for name, given in _parameters("UNet2DConditionModel").items()}
    unread = defaults.keys() - _parameters(CLASS).keys() - _DECODER_ONLY
    return sorted(f"{key}={config[key]}" for key in unread if key in config and config[key] != defaults[key])


def config_of(controlnet: ControlNet) -> dict[str, Any]:
    """The config.json of a ControlNet: exactly diffusers' keys, or ours where diffusers cannot run it."""
    if only_ours(controlnet):
        return {
            "_class_name": OWN_CLASS,
            "unet_config": jsonable(controlnet.unet_config),
            "factor": controlnet.factor,
            "condition_channels": controlnet.condition_channels,
            "conditioning_channels": list(controlnet.conditioning_channels),
            "variant": variant_of(controlnet),
            "global_pool": controlnet.global_pool,
        }
    import diffusers

    shared = {key: controlnet.unet_config[key] for key in _parameters(CLASS) if key in controlnet.unet_config}
    own = {
        "conditioning_channels": controlnet.condition_channels,
        "conditioning_embedding_out_channels": controlnet.conditioning_channels,
        "controlnet_conditioning_channel_order": "rgb",
        "global_pool_conditions": controlnet.global_pool,
    }
    return {"_class_name": CLASS, "_diffusers_version": diffusers.__version__, **jsonable(shared | own)}


def skeleton(config: Mapping[str, Any], name: str = "full") -> ControlNet:
    """The ControlNet that a config.json describes, without weights (on the meta device).

    name: its variant, which diffusers' config has no place for; ours says it itself.
    """
    from diffusers import ControlNetModel, UNet2DConditionModel

    if config.get("_class_name") == OWN_CLASS:
        return variant(config.get("variant", "full")).from_config(
            config["unet_config"],
            UNet2DConditionModel.from_config,
            factor=config["factor"],
            condition_channels=config["condition_channels"],
            conditioning_channels=tuple(config["conditioning_channels"]),
            global_pool=config["global_pool"],
        )
    widths = tuple(config.get("conditioning_embedding_out_channels") or (16, 32, 96, 256))
    return variant(name).from_config(
        {key: value for key, value in config.items() if not key.startswith("_")},
        ControlNetModel.from_config,
        factor=2 ** (len(widths) - 1),
        condition_channels=config.get("conditioning_channels", 3),
        conditioning_channels=widths,
        global_pool=bool(config.get("global_pool_conditions", False)),
    )


def encoder_config(config: Mapping[str, Any], state: Mapping[str, Tensor]) -> dict[str, Any]:
    """What a config.json and the shapes of the weights say of the base's encoder; shapes win, where it is a copy."""
    if config.get("_class_name") != OWN_CLASS:
        return {**config, **encoder_of_shapes(state)}
    is_lite = config.get("variant") == "lite"
    return {**config["unet_config"], **({} if is_lite else encoder_of_shapes(state))}


def config_of_shapes(state: Mapping[str, Tensor], base: Mapping[str, Any]) -> dict[str, Any]:
    """A ControlNet's config from the shapes of its weights; what shapes do not tell (heads, norms) is the base's."""
    shared = {key: base[key] for key in _parameters(CLASS) if key in base}
    first, *_ = _shape(state, "controlnet_cond_embedding.conv_in.weight")
    last = highest(state, r"controlnet_cond_embedding\.blocks\.(\d+)\.")
    blocks = [f"controlnet_cond_embedding.blocks.{index}.weight" for index in range(1, last + 1, 2)]
    own = {
        "_class_name": CLASS,
        "conditioning_channels": _shape(state, "controlnet_cond_embedding.conv_in.weight")[1],
        "conditioning_embedding_out_channels": [first, *(_shape(state, block)[0] for block in blocks)],
    }
    return shared | encoder_of_shapes(state) | own


def encoder_of_shapes(state: Mapping[str, Tensor]) -> dict[str, Any]:
    """What the shapes of an encoder's weights say of its config; UserError where a weight is missing."""
    levels = range(1 + highest(state, r"down_blocks\.(\d+)\."))
    depths = [_depth(state, f"down_blocks.{level}") for level in levels]
    middle = _depth(state, "mid_block")
    # a level without attention has its place in the list, but nothing reads its number; the last is the middle's too
    layers = [*(depth or 1 for depth in depths[:-1]), max(*depths[-1:], middle, 1)]
    return {
        "in_channels": _shape(state, "conv_in.weight")[1],
        "block_out_channels": [_shape(state, f"down_blocks.{level}.resnets.0.conv1.weight")[0] for level in levels],
        "layers_per_block": 1 + highest(state, r"down_blocks\.0\.resnets\.(\d+)\."),
        "down_block_types": [_CROSS if depth else _PLAIN for depth in depths],
        "mid_block_type": _MIDDLES[0] if middle else _MIDDLES[1],
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
            "use_linear_projection": len(_shape(state, projection)) == 2,
        }
    if (added := state.get("add_embedding.linear_1.weight")) is not None:
        return found | {"addition_embed_type": "text_time", "projection_class_embeddings_input_dim": added.shape[1]}
    is_plain = not any(key.startswith("add_embedding.") for key in state)
    return found | ({"addition_embed_type": None} if is_plain else {})


def _shape(state: Mapping[str, Tensor], key: str) -> torch.Size:
    if key not in state:
        raise UserError(f"the checkpoint is incomplete: it lacks {key} ({len(state)} tensors are there).")
    return state[key].shape


def _depth(state: Mapping[str, Tensor], block: str) -> int:
    """Transformer layers of each attention in a block; 0 where it has no attention."""
    return 1 + highest(state, rf"{block}\.attentions\.0\.transformer_blocks\.(\d+)\.")


def jsonable(config: Mapping[str, Any]) -> dict[str, Any]:
    """The config with lists for tuples, as JSON gives it back."""
    return {key: list(value) if isinstance(value, tuple) else value for key, value in config.items()}


def _parameters(name: str) -> dict[str, inspect.Parameter]:
    """The keys of a diffusers model's config, with their defaults."""
    import diffusers

    parameters = dict(inspect.signature(getattr(diffusers, name).__init__).parameters)
    return {key: value for key, value in parameters.items() if key not in ("self", "args", "kwargs")}
