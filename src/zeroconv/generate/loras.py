"""LoRA on the base (arXiv 2106.09685): any file diffusers reads, merged into a copy of the base through peft."""

import dataclasses
import logging
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from zeroconv.base import BaseModel
from zeroconv.errors import UserError
from zeroconv.request.lora import Lora
from zeroconv.sampling.forwards import copied

_TEXT_LAYER = re.compile(
    r"(?P<part>lora_te\d?_|text_encoder(?:_2)?\.)(?P<layer>.*layers[._]\d+[._])(?:self_attn|mlp)(?P<dot>[._])\w+"
    r"\.(?P<side>lora_down|lora_A)\.weight"
)
"""One half of a LoRA on a layer of a text encoder, in kohya's or peft's layout."""
_OTHER_SIDE = {"lora_down": "lora_up", "lora_A": "lora_B"}
_ADAPTER = "lora"
"""What peft calls the one it holds."""
_MERGING = threading.Lock()
"""The loaders of diffusers and transformers change what all threads share: one thread at a time."""


def with_loras(base: BaseModel, loras: tuple[Lora, ...]) -> BaseModel:
    """The base with the LoRAs merged into a copy of its U-Net and text encoders; the base itself where there are none.

    UserError: no such file, one that holds nothing for this base or another base's, or peft is missing.
    """
    if not loras:
        return base
    _check_peft()
    unet, encoders = copied(base.unet), tuple(map(copied, base.text_encoders))
    pipeline = _pipeline(base, unet, encoders)
    for lora in loras:  # one by one: several at once have peft warn and transformers report what is not so
        with _MERGING:
            _load(pipeline, lora, base)
            pipeline.set_adapters([_ADAPTER], [lora.strength])
            pipeline.fuse_lora(adapter_names=[_ADAPTER])
            pipeline.unload_lora_weights()
    return dataclasses.replace(base, unet=unet, text_encoders=encoders)


def check_lora(base: BaseModel, lora: Lora) -> None:
    """UserError where `with_loras` would refuse the LoRA, found without a copy of the base.

    For the start of a program: networks that other threads build meanwhile would come without weights.
    """
    _check_peft()
    with torch.device("meta"):
        unet = type(base.unet).from_config(base.unet.config)
        encoders = tuple(type(encoder)(encoder.config) for encoder in base.text_encoders)
    with _MERGING:
        _load(_pipeline(base, unet, encoders), lora, base)


def _check_peft() -> None:
    try:
        import peft  # noqa: F401
    except ImportError as error:
        raise UserError("a LoRA needs the package peft: pip install 'zeroconv[lora]'") from error


def _pipeline(base: BaseModel, unet: Any, encoders: tuple[Any, ...]) -> Any:
    """diffusers' pipeline around the copies, for its loaders."""
    from diffusers import StableDiffusionPipeline, StableDiffusionXLPipeline

    parts = {"vae": base.vae, "unet": unet, "scheduler": base.scheduler}
    parts |= {"text_encoder": encoders[0], "tokenizer": base.tokenizers[0]}
    if not base.takes_sizes:
        plain = {"safety_checker": None, "feature_extractor": None, "requires_safety_checker": False}
        return StableDiffusionPipeline(**parts, **plain)
    parts |= {"text_encoder_2": encoders[1], "tokenizer_2": base.tokenizers[1]}
    return StableDiffusionXLPipeline(**parts, add_watermarker=False)


def _load(pipeline: Any, lora: Lora, base: BaseModel) -> None:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        state: dict[str, torch.Tensor] = load_file(lora.file)
    except FileNotFoundError as error:
        raise UserError(f"no LoRA file {lora.file}") from error
    except (SafetensorError, OSError) as error:
        raise UserError(f"{lora.file} is not a readable .safetensors file: {error}") from error
    try:
        state |= _silent_layers(state)
        _check_places(pipeline, state)
        # without memory all networks come that any thread builds meanwhile: for those alone that have none themselves
        is_check = pipeline.unet.device.type == "meta"
        with _own_errors_alone():
            pipeline.load_lora_weights(state, adapter_name=_ADAPTER, low_cpu_mem_usage=is_check)
    except (RuntimeError, ValueError, KeyError) as error:
        lines = str(error).strip().splitlines()
        reason = next((line.strip() for line in lines if "size mismatch" in line), lines[0])
        raise UserError(f"the LoRA {lora.file} does not fit the base {base.name}: {reason}") from error
    if not any(_ADAPTER in adapters for adapters in pipeline.get_list_adapters().values()):
        raise UserError(f"{lora.file} holds no LoRA for the base {base.name}")


@contextmanager
def _own_errors_alone() -> Iterator[None]:
    """Without diffusers' own pages about a LoRA of another base, which we tell in a sentence."""
    logger = logging.getLogger("diffusers.loaders.peft")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(level)


def _silent_layers(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """An out_proj that adds nothing to each text encoder whose LoRA has none: by that layer diffusers (0.42) tells the
    layout of the others, and without it refuses a file or leaves out layers."""
    silent: dict[str, torch.Tensor] = {}
    for key, down in state.items():
        found = _TEXT_LAYER.fullmatch(key)
        if found is None or any(name.startswith(found["part"]) and "out_proj" in name for name in (*state, *silent)):
            continue
        name = f"{found['part']}{found['layer']}self_attn{found['dot']}out_proj"
        rank, width = len(down), min(down.shape[1], len(state[key.replace(found["side"], _OTHER_SIDE[found["side"]])]))
        silent[f"{name}.{found['side']}.weight"] = down.new_zeros(rank, width)
        silent[f"{name}.{_OTHER_SIDE[found['side']]}.weight"] = down.new_zeros(width, rank)
    return silent


def _check_places(pipeline: Any, state: dict[str, torch.Tensor]) -> None:
    """ValueError where the LoRA is for layers that this U-Net lacks: diffusers would load the rest without them."""
    is_xl = hasattr(pipeline, "text_encoder_2")
    read = pipeline.lora_state_dict(dict(state), **({"unet_config": pipeline.unet.config} if is_xl else {}))
    named = {
        key.removeprefix("unet.").split(".lora")[0] for key in read[0] if key.startswith("unet.") and ".lora" in key
    }
    there = {name for name, _ in pipeline.unet.named_modules()}
    absent = sorted(name for name in named if name not in there)
    if absent:
        raise ValueError(f"{len(absent)} of its {len(named)} layers of the U-Net are not there, such as {absent[0]}")
