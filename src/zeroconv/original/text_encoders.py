"""The text encoders' names: OpenCLIP's, which SD 2.x and SDXL's second encoder use, <-> transformers' CLIP.

Source: open_clip's text transformer; transformers' CLIPTextModel. CLIP itself (SD 1.x, SDXL's first) has transformers'
names in the original files already. A `.attn.in_proj_` there is query, key and value in one.
"""

from collections.abc import Mapping

import torch
from torch import Tensor

from zeroconv.original.names import Table, highest, renamed, turned

_LAYER: Table = [
    ("ln_1", "layer_norm1"),
    ("ln_2", "layer_norm2"),
    ("attn.out_proj", "self_attn.out_proj"),
    ("mlp.c_fc", "mlp.fc1"),
    ("mlp.c_proj", "mlp.fc2"),
]
_HEADS = ("q_proj", "k_proj", "v_proj")
# Names without a dot after their beginning.
_ALONE = {
    "positional_embedding": "text_model.embeddings.position_embedding.weight",
    "text_projection": "text_projection.weight",
}


def open_clip_to_transformers(state: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], list[str]]:
    """An OpenCLIP text encoder without prefix -> (in transformers' names, the keys that have none)."""
    layers = 1 + highest(state, r"transformer\.resblocks\.(\d+)\.")
    found, unknown = renamed({key: state[key] for key in state if ".in_proj_" not in key}, _table(layers))
    for layer in range(layers):
        for kind in ("weight", "bias"):
            if (fused := state.get(f"transformer.resblocks.{layer}.attn.in_proj_{kind}")) is not None:
                names = [f"text_model.encoder.layers.{layer}.self_attn.{head}.{kind}" for head in _HEADS]
                found |= dict(zip(names, fused.chunk(3), strict=True))
    for original, theirs in _ALONE.items():
        if original in state:  # the projection is multiplied from the other side
            found[theirs] = state[original].T if original == "text_projection" else state[original]
    return found, [key for key in unknown if key not in _ALONE]


def open_clip_to_original(state: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], list[str]]:
    """A text encoder in transformers' names -> (in OpenCLIP's, the keys that have none)."""
    layers = 1 + highest(state, r"text_model\.encoder\.layers\.(\d+)\.")
    heads = {key for key in state if key.split(".")[-2] in _HEADS}
    alone = {theirs: original for original, theirs in _ALONE.items()}
    plain = {key: value for key, value in state.items() if key not in heads and key not in alone}
    found, unknown = renamed(plain, turned(_table(layers)))
    for layer in range(layers):
        for kind in ("weight", "bias"):
            parts = [state[f"text_model.encoder.layers.{layer}.self_attn.{head}.{kind}"] for head in _HEADS]
            found[f"transformer.resblocks.{layer}.attn.in_proj_{kind}"] = torch.cat(parts)
    for theirs, original in alone.items():
        if theirs in state:
            found[original] = state[theirs].T if original == "text_projection" else state[theirs]
    return found, unknown


def _table(layers: int) -> Table:
    pairs = [
        ("token_embedding", "text_model.embeddings.token_embedding"),
        ("ln_final", "text_model.final_layer_norm"),
    ]
    for layer in range(layers):
        start, theirs = f"transformer.resblocks.{layer}", f"text_model.encoder.layers.{layer}"
        pairs += [(f"{start}.{a}", f"{theirs}.{b}") for a, b in _LAYER]
    return pairs
