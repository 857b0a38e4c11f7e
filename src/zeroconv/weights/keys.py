"""Names of the weights: ours inside, diffusers' in the files we write, the original ones in the released files.

Source: the released models' `cldm` layout (arXiv 2302.05543, lllyasviel/ControlNet) and diffusers' ControlNetModel.
"""

from collections.abc import Iterable, Mapping
from typing import TypeVar

from zeroconv.original.names import Table, highest, renamed, turned
from zeroconv.original.unet import Levels, encoder_table, levels_of_diffusers, levels_of_original, num_input_blocks

T = TypeVar("T")

# The paper's names inside <-> diffusers' names in files; the copied parts have diffusers' names already.
_OURS = (
    ("condition_encoder.", "controlnet_cond_embedding."),
    ("zero_convolutions.", "controlnet_down_blocks."),
    ("middle_zero_convolution.", "controlnet_mid_block."),
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
    return renamed(state, _table(levels_of_original(state), _num_hints_original(state)))


def to_original_keys(state: Mapping[str, T]) -> tuple[dict[str, T], list[str]]:
    """A state dict in diffusers' names -> (the same in original names, the keys that have no such name)."""
    return renamed(state, turned(_table(levels_of_diffusers(state), _num_hints_diffusers(state))))


def _table(levels: Levels, num_hints: int) -> Table:
    """Pairs (original, diffusers) of beginnings for an encoder of these levels and this many hint convolutions."""
    hint = "controlnet_cond_embedding"
    return [
        *encoder_table(levels),
        *((f"zero_convs.{index}.0", f"controlnet_down_blocks.{index}") for index in range(num_input_blocks(levels))),
        ("middle_block_out.0", "controlnet_mid_block"),
        ("input_hint_block.0", f"{hint}.conv_in"),
        *((f"input_hint_block.{2 * index}", f"{hint}.blocks.{index - 1}") for index in range(1, num_hints - 1)),
        (f"input_hint_block.{2 * (num_hints - 1)}", f"{hint}.conv_out"),
    ]


def _num_hints_original(keys: Iterable[str]) -> int:
    return 1 + highest(keys, r"input_hint_block\.(\d+)\.") // 2


def _num_hints_diffusers(keys: Iterable[str]) -> int:
    return 3 + highest(keys, r"controlnet_cond_embedding\.blocks\.(\d+)\.")
