"""The number types that --dtype names, the same wherever a command takes one, and which of them a device is good at."""

import torch

from zeroconv.errors import UserError, nearest

NUMBER_TYPES = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}
_ALIASES = {"fp32": "float32", "fp16": "float16", "half": "float16", "bf16": "bfloat16"}
_AMPERE = (8, 0)
"""The compute capability from which NVIDIA's tensor cores take bfloat16."""


def number_type(name: str, auto: str | None = None) -> str:
    """The name in full of a number type, as in NUMBER_TYPES; UserError for an unknown one.

    auto: what "auto" stands for; None: there is no such choice.
    """
    plain = name.lower().removeprefix("torch.")
    if plain == "auto" and auto is not None:
        return auto
    written = _ALIASES.get(plain, plain)
    if written not in NUMBER_TYPES:
        known = [*NUMBER_TYPES, *([] if auto is None else ["auto"])]
        raise UserError(f"unknown dtype {name!r}; {nearest(written, known)}")
    return written


def fastest_type(device: torch.device) -> str:
    """bfloat16 where `device` multiplies in it, float32 elsewhere: there bfloat16 is computed through float32.

    float16, which older GPUs multiply in, is never chosen: it overflows in some bases.
    """
    return "bfloat16" if _multiplies_bfloat16(device) else "float32"


def smallest_type(device: torch.device) -> str:
    """The number type of least memory in which `device` computes at no loss of speed."""
    if _multiplies_bfloat16(device):
        return "bfloat16"
    return "float16" if device.type == "cuda" else "float32"


def _multiplies_bfloat16(device: torch.device) -> bool:
    """Whether the hardware has products of bfloat16; torch would do them on any, if slowly."""
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= _AMPERE
    if device.type != "cpu" or not torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]
        return False
    has = torch.cpu.get_capabilities()
    return bool(has.get("amx_bf16") or has.get("avx512_bf16"))
