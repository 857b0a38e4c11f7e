"""Files that hold something else than was asked for, told by their names: LoRAs, adapters, other kinds of ControlNets.

Each is known by a name that only such files have, as their published versions do.
"""

import re
from collections.abc import Iterable

T2I_ADAPTER = "a T2I-Adapter"
# What a file is, and the names it is known by; the first that fits is said.
_KINDS: tuple[tuple[str, str], ...] = (
    ("a ControlNet-LLLite", r"lllite_"),
    ("an IP-Adapter", r"(image_proj|ip_adapter)\."),
    ("a ControlNet-Union", r"(.*\.)?(task_embedding$|control_add_embedding\.|transformer_layes\.)"),
    ("a ControlNet of a transformer base (SD 3, FLUX and others)", r"(.*\.)?controlnet_(blocks|single_blocks)\."),
    ("a ControlNet-XS", r"(.*\.)?(ctrl_to_base|base_to_ctrl|control_to_base|enc_zero_convs)"),
    (T2I_ADAPTER, r"(adapter\.)?body\.\d+\.(in_conv|resnets|block1|down_opt)"),
    ("an AnimateDiff motion module", r".*\.motion_modules\."),
    ("a transformer base (SD 3, FLUX and others)", r"(model\.diffusion_model\.)?(joint|double|transformer)_blocks\."),
    ("a LoRA", r"lora_|.*\.lora[_.]|.*\.(hada|lokr)_"),
    ("a textual inversion", r"(emb_params|clip_[lg])$"),
    ("a base in the original layout", r"model\.diffusion_model\."),
    ("a ControlNet", r"(model\.)?(control_model\.)?(input_hint_block\.|controlnet_cond_embedding\.)"),
    ("a U-Net without its autoencoder and text encoder", r"(up_blocks|output_blocks)\."),
    ("an autoencoder alone", r"(first_stage_model\.)?(encoder|decoder)\.(conv_in|mid)"),
    ("a text encoder alone", r"(cond_stage_model\.|conditioner\.)?.*text_model\."),
    ("the moving average of a base alone, under shortened names", r"model_ema\."),
)


def what_is(keys: Iterable[str]) -> str:
    """What a file with these names seems to be, as a noun with its article; else its first names."""
    names = list(keys)
    return kind_of(names) or (f"unknown weights ({', '.join(names[:3])})" if names else "no tensors at all")


def kind_of(keys: Iterable[str]) -> str | None:
    """The same, None where nothing is known."""
    names = list(keys)
    fits = (kind for kind, pattern in _KINDS if any(re.match(pattern, name) for name in names))
    return next(fits, None)
