"""The U-Net's names: original <-> diffusers' UNet2DConditionModel.

Source: openaimodel.UNetModel of latent-diffusion. Levels: one entry a level of the encoder, how many residual layers
it has and whether a downsampling follows; read from the names themselves.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import TypeVar

from zeroconv.original.names import Table, highest, renamed, resnet_pairs, turned

T = TypeVar("T")
Levels = tuple[tuple[int, bool], ...]

# Where neither the level nor the layer matters; a ControlNet's encoder has all but the last two.
_FIXED: Table = [
    ("time_embed.0", "time_embedding.linear_1"),
    ("time_embed.2", "time_embedding.linear_2"),
    ("label_emb.0.0", "add_embedding.linear_1"),
    ("label_emb.0.2", "add_embedding.linear_2"),
    ("input_blocks.0.0", "conv_in"),
    ("middle_block.1", "mid_block.attentions.0"),
    ("out.0", "conv_norm_out"),
    ("out.2", "conv_out"),
]


def unet_to_diffusers(state: Mapping[str, T]) -> tuple[dict[str, T], list[str]]:
    """An original U-Net's state dict without prefix -> (in diffusers' names, the keys that have no such name)."""
    levels = levels_of_original(state)
    return renamed(state, [*encoder_table(levels), *_decoder_table(levels, _attends_original(state, levels))])


def unet_to_original(state: Mapping[str, T]) -> tuple[dict[str, T], list[str]]:
    """A U-Net's state dict in diffusers' names -> (in original names, the keys that have no such name)."""
    levels = levels_of_diffusers(state)
    attends = [any(key.startswith(f"up_blocks.{block}.attentions.") for key in state) for block in range(len(levels))]
    return renamed(state, turned([*encoder_table(levels), *_decoder_table(levels, attends)]))


def encoder_table(levels: Levels) -> Table:
    """The pairs of a U-Net's encoder and middle."""
    pairs = [*_FIXED, *resnet_pairs("middle_block.0", "mid_block.resnets.0")]
    pairs += resnet_pairs("middle_block.2", "mid_block.resnets.1")
    block = 1
    for level, (layers, downsamples) in enumerate(levels):
        for layer in range(layers):
            pairs += resnet_pairs(f"input_blocks.{block}.0", f"down_blocks.{level}.resnets.{layer}")
            pairs.append((f"input_blocks.{block}.1", f"down_blocks.{level}.attentions.{layer}"))
            block += 1
        if downsamples:
            pairs.append((f"input_blocks.{block}.0.op", f"down_blocks.{level}.downsamplers.0.conv"))
            block += 1
    return pairs


def num_input_blocks(levels: Levels) -> int:
    """How many skips the encoder gives: one for conv_in, each layer and each downsampling."""
    return 1 + sum(layers + downsamples for layers, downsamples in levels)


def _decoder_table(levels: Levels, attends: Iterable[bool]) -> Table:
    """The pairs of the decoder: a level has one layer more than in the encoder, then its upsampling."""
    pairs: Table = []
    number = 0
    for block, ((layers, _), has_attention) in enumerate(zip(reversed(levels), attends, strict=True)):
        for layer in range(layers + 1):
            pairs += resnet_pairs(f"output_blocks.{number}.0", f"up_blocks.{block}.resnets.{layer}")
            if has_attention:
                pairs.append((f"output_blocks.{number}.1", f"up_blocks.{block}.attentions.{layer}"))
            number += 1
        upsampling = f"output_blocks.{number - 1}.{1 + has_attention}.conv"
        pairs.append((upsampling, f"up_blocks.{block}.upsamplers.0.conv"))
    return pairs


def levels_of_original(keys: Iterable[str]) -> Levels:
    """Read from the numbered input blocks where the downsamplings stand."""
    keys = set(keys)
    levels: list[tuple[int, bool]] = []
    layers = 0
    for block in range(1, 1 + highest(keys, r"input_blocks\.(\d+)\.")):
        if f"input_blocks.{block}.0.op.weight" in keys or f"input_blocks.{block}.0.op.up" in keys:
            levels.append((layers, True))
            layers = 0
        else:
            layers += 1
    return (*levels, (layers, False)) if layers else tuple(levels)


def levels_of_diffusers(keys: Iterable[str]) -> Levels:
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


def _attends_original(keys: Collection[str], levels: Levels) -> list[bool]:
    """Whether each level of the decoder, the deepest first, has attention: its first layer's says it."""
    found, number = [], 0
    for layers, _ in reversed(levels):
        found.append(f"output_blocks.{number}.1.norm.weight" in keys)
        number += layers + 1
    return found
