"""Names of the weights: ours inside, diffusers' in the files we write, the original ones in the released files.

Source: the released models' `cldm` layout (arXiv 2302.05543, lllyasviel/ControlNet) and diffusers' ControlNetModel.
Layout of the encoder: one entry a level, how many residual layers it has and whether a downsampling follows.
"""

import re
from collections.abc import Iterable, Mapping
from typing import TypeVar

T = TypeVar("T")
Levels = tuple[tuple[int, bool], ...]

# The paper's names inside <-> diffusers' names in files; the copied parts have diffusers' names already.
_OURS = (
    ("condition_encoder.", "controlnet_cond_embedding."),
    ("zero_convolutions.", "controlnet_down_blocks."),
    ("middle_zero_convolution.", "controlnet_mid_block."),
)
# original <-> diffusers, where neither the level nor the layer matters.
_FIXED = (
    ("time_embed.0", "time_embedding.linear_1"),
    ("time_embed.2", "time_embedding.linear_2"),
    ("label_emb.0.0", "add_embedding.linear_1"),
    ("label_emb.0.2", "add_embedding.linear_2"),
    ("input_blocks.0.0", "conv_in"),
    ("middle_block.1", "mid_block.attentions.0"),
    ("middle_block_out.0", "controlnet_mid_block"),
    ("input_hint_block.0", "controlnet_cond_embedding.conv_in"),
)
# original <-> diffusers, inside a residual layer.
_RESNET = (
    ("in_layers.0", "norm1"),
    ("in_layers.2", "conv1"),
    ("emb_layers.1", "time_emb_proj"),
    ("out_layers.0", "norm2"),
    ("out_layers.3", "conv2"),
    ("skip_connection", "conv_shortcut"),
)
MARK = "input_hint_block.0.weight"
"""The key by which an original ControlNet file is known."""
DIFFUSERS_MARK = "controlnet_cond_embedding.conv_in.weight"
"""The key by which a ControlNet in diffusers' layout is known."""


def ours_to_diffusers(key: str) -> str:
    """Our name of a weight -> the name in diffusers' ControlNetModel."""
    for ours, theirs in _OURS:
        if key.startswith(ours):
            return theirs + key.removeprefix(ours)
    return key


def diffusers_to_ours(key: str) -> str:
    """The name of a weight in diffusers' ControlNetModel -> ours."""
    for ours, theirs in _OURS:
        if key.startswith(theirs):
            return ours + key.removeprefix(theirs)
    return key


def from_original(state: Mapping[str, T]) -> tuple[dict[str, T], list[str]]:
    """An original state dict without prefix -> (the same in diffusers' names, the keys that have no such name)."""
    return _renamed(state, _table(_levels_of_original(state), _num_hints_original(state)))


def to_original_keys(state: Mapping[str, T]) -> tuple[dict[str, T], list[str]]:
    """A state dict in diffusers' names -> (the same in original names, the keys that have no such name)."""
    pairs = _table(_levels_of_diffusers(state), _num_hints_diffusers(state))
    return _renamed(state, [(theirs, original) for original, theirs in pairs])


def _renamed(state: Mapping[str, T], table: Iterable[tuple[str, str]]) -> tuple[dict[str, T], list[str]]:
    names = {key: _rename(key, table) for key in state}
    known = {new: state[key] for key, new in names.items() if new is not None}
    return known, [key for key, new in names.items() if new is None]


def _rename(key: str, table: Iterable[tuple[str, str]]) -> str | None:
    """Exchange the longest known beginning, up to a dot: input_blocks.1 is no beginning of input_blocks.10."""
    best = max((pair for pair in table if key.startswith(f"{pair[0]}.")), key=lambda pair: len(pair[0]), default=None)
    return None if best is None else best[1] + key.removeprefix(best[0])


def _table(levels: Levels, num_hints: int) -> list[tuple[str, str]]:
    """Pairs (original, diffusers) of beginnings for an encoder of these levels and this many hint convolutions."""
    pairs = [pair for pair in _FIXED if not pair[1].startswith("mid_block.resnets")]
    pairs += _resnet_pairs("middle_block.0", "mid_block.resnets.0") + _resnet_pairs(
        "middle_block.2", "mid_block.resnets.1"
    )
    block = 1
    for level, (layers, downsamples) in enumerate(levels):
        for layer in range(layers):
            pairs += _resnet_pairs(f"input_blocks.{block}.0", f"down_blocks.{level}.resnets.{layer}")
            pairs.append((f"input_blocks.{block}.1", f"down_blocks.{level}.attentions.{layer}"))
            block += 1
        if downsamples:
            pairs.append((f"input_blocks.{block}.0.op", f"down_blocks.{level}.downsamplers.0.conv"))
            block += 1
    pairs += [(f"zero_convs.{index}.0", f"controlnet_down_blocks.{index}") for index in range(block)]
    hint = "controlnet_cond_embedding"
    pairs += [(f"input_hint_block.{2 * index}", f"{hint}.blocks.{index - 1}") for index in range(1, num_hints - 1)]
    return [*pairs, (f"input_hint_block.{2 * (num_hints - 1)}", f"{hint}.conv_out")]


def _resnet_pairs(original: str, theirs: str) -> list[tuple[str, str]]:
    return [(f"{original}.{part}", f"{theirs}.{name}") for part, name in _RESNET]


def _levels_of_original(keys: Iterable[str]) -> Levels:
    """Read from the numbered input blocks where the downsamplings stand."""
    keys = set(keys)
    levels: list[tuple[int, bool]] = []
    layers, block = 0, 1
    while any(key.startswith(f"input_blocks.{block}.") for key in keys):
        if f"input_blocks.{block}.0.op.weight" in keys:
            levels.append((layers, True))
            layers = 0
        else:
            layers += 1
        block += 1
    return (*levels, (layers, False)) if layers else tuple(levels)


def _levels_of_diffusers(keys: Iterable[str]) -> Levels:
    """Read from the numbered resnets of each down block."""
    keys = set(keys)
    num_levels = 1 + highest(keys, r"down_blocks\.(\d+)\.")
    return tuple(
        (
            1 + highest(keys, rf"down_blocks\.{level}\.resnets\.(\d+)\."),
            f"down_blocks.{level}.downsamplers.0.conv.weight" in keys,
        )
        for level in range(num_levels)
    )


def _num_hints_original(keys: Iterable[str]) -> int:
    return 1 + highest(keys, r"input_hint_block\.(\d+)\.") // 2


def _num_hints_diffusers(keys: Iterable[str]) -> int:
    return 3 + highest(keys, r"controlnet_cond_embedding\.blocks\.(\d+)\.")


def highest(keys: Iterable[str], pattern: str) -> int:
    """The highest number that the pattern's group has among the keys; -1 where there is none."""
    return max((int(match[1]) for key in keys if (match := re.match(pattern, key))), default=-1)
