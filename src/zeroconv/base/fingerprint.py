"""A short name for a U-Net's weights, the same in either number type."""

import hashlib
from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

# What changes a U-Net's answer without showing in its weights (diffusers' config keys): part of the fingerprint.
_SILENT_KEYS = ("act_fn", "attention_head_dim", "flip_sin_to_cos", "freq_shift", "norm_eps", "norm_num_groups")


def unet_fingerprint(unet: nn.Module) -> str:
    """16 hexadecimal digits of the sha256 over a U-Net's weights, computed anew at each call.

    The weights are hashed as float16, so that a base loaded in float32 and in float16 has the same name.
    """
    config: Mapping[str, Any] = unet.config  # type: ignore[assignment]
    digest = hashlib.sha256(repr([(key, _plain(config.get(key))) for key in _SILENT_KEYS]).encode())
    for key, weight in sorted(unet.state_dict().items()):
        digest.update(f"{key}{tuple(weight.shape)}".encode())
        digest.update(weight.detach().to("cpu", torch.float16).contiguous().numpy().data)
    return digest.hexdigest()[:16]


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple | list) else value
