"""T2I-Adapters renamed: TencentARC's names of weights <-> those of diffusers' T2IAdapter.

Source: the files of TencentARC/T2I-Adapter (arXiv 2302.08453) for SD 1.x and SDXL. There the residual blocks of a full
adapter are numbered on through its four scales, and a block that changes the width holds the convolution for it; a
light one (as canny-light, color) has a block a scale with `body` inside, as diffusers has `resnets`.
"""

from collections.abc import Iterable, Mapping
from typing import TypeVar

from zeroconv.original.names import Table, highest, inside, renamed

T = TypeVar("T")

_PREFIX = "adapter."
_LIGHT = "body.0.out_conv.weight"
_SCALES = 4


def adapter_to_diffusers(state: Mapping[str, T]) -> tuple[dict[str, T], list[str]]:
    """The weights of an adapter in either layout -> (the same under diffusers' names, keys that have no such name)."""
    bare = inside(state, _PREFIX) if any(key.startswith(_PREFIX) for key in state) else dict(state)
    if is_diffusers(state):
        return {f"{_PREFIX}{key}": value for key, value in bare.items()}, []
    return renamed(bare, _light_table(bare) if _LIGHT in bare else _full_table(bare))


def is_diffusers(keys: Iterable[str]) -> bool:
    """Whether an adapter's names are diffusers'."""
    return any(".resnets." in key for key in keys)


def _full_table(keys: Iterable[str]) -> Table:
    """body.{number of the block}.block1 <-> body.{scale}.resnets.{block of the scale}.block1."""
    per_scale = max(1, (1 + highest(keys, r"body\.(\d+)\.")) // _SCALES)
    table: Table = [("conv_in", f"{_PREFIX}conv_in")]
    for block in range(_SCALES * per_scale):
        scale, index = divmod(block, per_scale)
        table.append((f"body.{block}.in_conv", f"{_PREFIX}body.{scale}.in_conv"))
        table += [(f"body.{block}.{c}", f"{_PREFIX}body.{scale}.resnets.{index}.{c}") for c in ("block1", "block2")]
    return table


def _light_table(keys: Iterable[str]) -> Table:
    """body.{scale}.body.{block}.block1 <-> body.{scale}.resnets.{block}.block1; the rest has its name."""
    table: Table = []
    for scale in range(1 + highest(keys, r"body\.(\d+)\.")):
        table += [(f"body.{scale}.{name}", f"{_PREFIX}body.{scale}.{name}") for name in ("in_conv", "out_conv")]
        table.append((f"body.{scale}.body", f"{_PREFIX}body.{scale}.resnets"))
    return table
