"""Which network a checkpoint describes: read from a config, or from the shapes of bare weights.

Source: the config keys of diffusers' ControlNetModel and UNet2DConditionModel. State dicts here have diffusers' names.
"""

import inspect
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from zeroconv.base.shapes import MIDDLES, encoder_of_shapes, shape
from zeroconv.control import ControlNet
from zeroconv.original.names import highest
from zeroconv.variants import variant, variant_of

CLASS = "ControlNetModel"
OWN_CLASS = "ZeroconvControlNet"
"""The class name of variants that diffusers cannot run, so that nothing misreads them."""
ADAPTER_CLASS = "T2IAdapter"
"""The class name of T2I-Adapters, in diffusers too."""

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
    if config.get("mid_block_type", MIDDLES[0]) not in MIDDLES:
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
    first, *_ = shape(state, "controlnet_cond_embedding.conv_in.weight")
    last = highest(state, r"controlnet_cond_embedding\.blocks\.(\d+)\.")
    blocks = [f"controlnet_cond_embedding.blocks.{index}.weight" for index in range(1, last + 1, 2)]
    own = {
        "_class_name": CLASS,
        "conditioning_channels": shape(state, "controlnet_cond_embedding.conv_in.weight")[1],
        "conditioning_embedding_out_channels": [first, *(shape(state, block)[0] for block in blocks)],
    }
    return shared | encoder_of_shapes(state) | own


def jsonable(config: Mapping[str, Any]) -> dict[str, Any]:
    """The config with lists for tuples, as JSON gives it back."""
    return {key: list(value) if isinstance(value, tuple) else value for key, value in config.items()}


def _parameters(name: str) -> dict[str, inspect.Parameter]:
    """The keys of a diffusers model's config, with their defaults."""
    import diffusers

    parameters = dict(inspect.signature(getattr(diffusers, name).__init__).parameters)
    return {key: value for key, value in parameters.items() if key not in ("self", "args", "kwargs")}
