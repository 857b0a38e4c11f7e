"""Weights renamed by a table of the beginnings of their names, in either direction.

A name is cut at its dots only: input_blocks.1 is no beginning of input_blocks.10.
"""

import re
from collections.abc import Iterable, Mapping
from typing import TypeVar

T = TypeVar("T")
Table = list[tuple[str, str]]
"""Pairs (original, diffusers) of beginnings."""

# original <-> diffusers, inside a residual layer of a U-Net.
_RESNET = (
    ("in_layers.0", "norm1"),
    ("in_layers.2", "conv1"),
    ("emb_layers.1", "time_emb_proj"),
    ("out_layers.0", "norm2"),
    ("out_layers.3", "conv2"),
    ("skip_connection", "conv_shortcut"),
)


def renamed(state: Mapping[str, T], table: Iterable[tuple[str, str]]) -> tuple[dict[str, T], list[str]]:
    """A state dict with each name's beginning exchanged -> (it, the keys for which the table has no beginning)."""
    beginnings = dict(table)
    names = {key: _rename(key, beginnings) for key in state}
    known = {new: state[key] for key, new in names.items() if new is not None}
    return known, [key for key, new in names.items() if new is None]


def _rename(key: str, table: Mapping[str, str]) -> str | None:
    """Exchange the longest known beginning, up to a dot."""
    end = len(key)
    while (end := key.rfind(".", 0, end)) >= 0:
        if (new := table.get(key[:end])) is not None:
            return new + key[end:]
    return None


def turned(table: Iterable[tuple[str, str]]) -> Table:
    """The table for the other direction."""
    return [(theirs, original) for original, theirs in table]


def resnet_pairs(original: str, theirs: str) -> Table:
    """The pairs of one residual layer of a U-Net."""
    return [(f"{original}.{part}", f"{theirs}.{name}") for part, name in _RESNET]


def inside(state: Mapping[str, T], prefix: str) -> dict[str, T]:
    """What lies under a prefix, without it."""
    return {key.removeprefix(prefix): value for key, value in state.items() if key.startswith(prefix)}


def highest(keys: Iterable[str], pattern: str) -> int:
    """The highest number that the pattern's group has among the keys; -1 where there is none."""
    return max((int(match[1]) for key in keys if (match := re.match(pattern, key))), default=-1)
