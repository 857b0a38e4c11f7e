"""The number types that --dtype names, the same wherever a command takes one."""

import torch

from zeroconv.errors import UserError, nearest

NUMBER_TYPES = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}
_ALIASES = {"fp32": "float32", "fp16": "float16", "half": "float16", "bf16": "bfloat16"}


def number_type(name: str) -> str:
    """The name in full of a number type, as in NUMBER_TYPES; UserError for an unknown one."""
    plain = name.lower().removeprefix("torch.")
    written = _ALIASES.get(plain, plain)
    if written not in NUMBER_TYPES:
        raise UserError(f"unknown dtype {name!r}; {nearest(written, NUMBER_TYPES)}")
    return written
