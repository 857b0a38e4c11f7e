"""The autoencoder's names: original <-> diffusers' AutoencoderKL.

Source: diffusionmodules.model of latent-diffusion. The attention's four matrices are 1x1 convolutions there.
"""

from collections.abc import Iterable, Mapping

from torch import Tensor

from zeroconv.original.names import Table, highest, renamed, turned

_FIXED: Table = [
    *((name, name) for name in ("quant_conv", "post_quant_conv")),
    *((f"{half}.{end}", f"{half}.{end}") for half in ("encoder", "decoder") for end in ("conv_in", "conv_out")),
    *((f"{half}.norm_out", f"{half}.conv_norm_out") for half in ("encoder", "decoder")),
]
_ATTENTION: Table = [("norm", "group_norm"), ("q", "to_q"), ("k", "to_k"), ("v", "to_v"), ("proj_out", "to_out.0")]


def autoencoder_to_diffusers(state: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], list[str]]:
    """An original autoencoder's state dict without prefix -> (in diffusers' names, the keys that have none)."""
    found, unknown = renamed(state, _table(1 + highest(state, r"encoder\.down\.(\d+)\."), state))
    return {key: value[..., 0, 0] if _is_matrix(key) and value.ndim == 4 else value for key, value in found.items()}, (
        unknown
    )


def autoencoder_to_original(state: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], list[str]]:
    """An autoencoder's state dict in diffusers' names -> (in original names, the keys that have none)."""
    shaped = {key: value[..., None, None] if _is_matrix(key) else value for key, value in state.items()}
    return renamed(shaped, turned(_table(1 + highest(state, r"encoder\.down_blocks\.(\d+)\."), state)))


def _is_matrix(key: str) -> bool:
    """Whether a weight in diffusers' names is one of the attention's matrices."""
    return ".attentions." in key and key.endswith(".weight") and ".group_norm." not in key


def _table(num_levels: int, keys: Iterable[str]) -> Table:
    layers = range(1 + max(highest(keys, rf".*\.{name}\.(\d+)\.") for name in ("block", "resnets")))
    pairs = [*_FIXED]
    for half, blocks, between in (("encoder", "down", "downsample"), ("decoder", "up", "upsample")):
        for level in range(num_levels):
            # the original decoder counts its levels as the encoder does, diffusers' in the order they run
            place = level if half == "encoder" else num_levels - 1 - level
            original, theirs = f"{half}.{blocks}.{level}", f"{half}.{blocks}_blocks.{place}"
            pairs.append((f"{original}.{between}.conv", f"{theirs}.{between}rs.0.conv"))
            for layer in layers:
                pairs += _resnet(f"{original}.block.{layer}", f"{theirs}.resnets.{layer}")
        for number in (0, 1):
            pairs += _resnet(f"{half}.mid.block_{number + 1}", f"{half}.mid_block.resnets.{number}")
        pairs += [(f"{half}.mid.attn_1.{a}", f"{half}.mid_block.attentions.0.{b}") for a, b in _ATTENTION]
    return pairs


def _resnet(original: str, theirs: str) -> Table:
    same = [(f"{original}.{name}", f"{theirs}.{name}") for name in ("norm1", "conv1", "norm2", "conv2")]
    return [*same, (f"{original}.nin_shortcut", f"{theirs}.conv_shortcut")]
