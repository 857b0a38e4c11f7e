"""A base on disk: a complete diffusers pipeline folder with the U-Net as it is now.

Source: diffusers' pipeline layout. All but the U-Net is taken over from the folder that the base was loaded from; of a
base that came in a single file, every part is written.
"""

import json
import secrets
import shutil
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from zeroconv.base.files import PARTS, PLAIN, read_index, wanted_files
from zeroconv.base.model import BaseModel, base_place
from zeroconv.tensor_files import write_tensors

_WEIGHTS = "diffusion_pytorch_model.safetensors"


def save_base(base: BaseModel, folder: str | Path) -> Path:
    """Write the base into `folder` -> the folder, which `load_base` and diffusers' pipelines load.

    A folder that is there is replaced as a whole; an interruption leaves it. The safety checker is left out.
    """
    folder, source = Path(folder), base_place(base.name)
    part, former = (folder.with_name(f".{folder.name}.{secrets.token_hex(4)}.{end}") for end in ("part", "former"))
    part.mkdir(parents=True)
    try:
        if source.is_file():
            write_parts(base, part)
        else:
            _copy(source, part)
            _write_weights(base.unet, part / "unet" / _WEIGHTS)
        if folder.exists():
            folder.rename(former)
        part.rename(folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)
        shutil.rmtree(former, ignore_errors=True)
    return folder


def _copy(source: Path, part: Path) -> None:
    """All files that a base needs but the U-Net's weights; those in half precision under their plain names."""
    index = {name: _entry(name, value) for name, value in read_index(source).items()}
    (part / "model_index.json").write_text(json.dumps(index, indent=2) + "\n", "utf-8")
    for name in wanted_files([path.relative_to(source).as_posix() for path in source.rglob("*") if path.is_file()]):
        if name == "model_index.json" or (name.startswith("unet/") and name != "unet/config.json"):
            continue
        target = part / name.replace(".fp16.", ".")
        target.parent.mkdir(exist_ok=True)
        shutil.copyfile(source / name, target)


def _entry(name: str, value: Any) -> Any:
    """An entry of model_index.json: parts that we do not drive are none."""
    if name == "requires_safety_checker":
        return False
    is_left_out = isinstance(value, list) and name not in (*PARTS, *PLAIN)
    return [None, None] if is_left_out else value


def write_parts(base: BaseModel, folder: Path, dtype: torch.dtype | None = None) -> None:
    """Write every part of a base of one or two text encoders into `folder`; dtype: the number type in the files."""
    import diffusers

    numbers = ["", "_2"][: len(base.text_encoders)]
    pipeline = "StableDiffusionXLPipeline" if len(numbers) == 2 else "StableDiffusionPipeline"
    index: dict[str, Any] = {"_class_name": pipeline, "_diffusers_version": diffusers.__version__}
    for name, network in (("unet", base.unet), ("vae", base.vae)):
        network.save_config(folder / name)
        _write_weights(network, folder / name / _WEIGHTS, dtype)
        index[name] = ["diffusers", type(network).__name__]
    encoders: tuple[Any, ...] = base.text_encoders
    for number, encoder, tokenizer in zip(numbers, encoders, base.tokenizers, strict=True):
        encoder.config.save_pretrained(folder / f"text_encoder{number}")
        _write_weights(encoder, folder / f"text_encoder{number}" / "model.safetensors", dtype)
        _write_tokenizer(tokenizer, folder / f"tokenizer{number}")
        index[f"text_encoder{number}"] = ["transformers", type(encoder).__name__]
        index[f"tokenizer{number}"] = ["transformers", "CLIPTokenizer"]
    base.scheduler.save_pretrained(folder / "scheduler")
    index["scheduler"] = ["diffusers", type(base.scheduler).__name__]
    absent = {"feature_extractor": [None, None], "force_zeros_for_empty_prompt": base.zeros_for_no_negative}
    if len(numbers) == 1:
        absent = {"feature_extractor": [None, None], "safety_checker": [None, None], "requires_safety_checker": False}
    (folder / "model_index.json").write_text(json.dumps(index | absent, indent=2) + "\n", "utf-8")


def _write_weights(network: Any, path: Path, dtype: torch.dtype | None = None) -> None:
    write_tensors(
        {key: value.detach().to("cpu", dtype).contiguous() for key, value in network_state(network).items()}, path
    )


def network_state(network: Any) -> dict[str, Tensor]:
    """A network's weights under its files' names; newer versions of transformers drop the first word of CLIP's."""
    state: dict[str, Tensor] = network.state_dict()
    if "embeddings.token_embedding.weight" in state:
        state = {f"text_model.{key}": value for key, value in state.items()}
    return {key: value for key, value in state.items() if not key.endswith("position_ids")}


def _write_tokenizer(tokenizer: Any, folder: Path) -> None:
    """vocab.json, merges.txt and the settings, as every version of transformers reads them."""
    folder.mkdir(parents=True)
    model = json.loads(tokenizer.backend_tokenizer.to_str())["model"]
    (folder / "vocab.json").write_text(json.dumps(model["vocab"], ensure_ascii=False), "utf-8")
    merges = ["#version: 0.2", *(" ".join(pair) for pair in model["merges"])]
    (folder / "merges.txt").write_text("\n".join(merges) + "\n", "utf-8")
    settings = {key: str(value) for key, value in tokenizer.special_tokens_map.items()}
    settings |= {"model_max_length": tokenizer.model_max_length, "tokenizer_class": "CLIPTokenizer"}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings, indent=2) + "\n", "utf-8")
