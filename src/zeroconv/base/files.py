"""A base's folder in the diffusers format, read part by part: U-Net, autoencoder, text encoders, tokenizers, scheduler.

Everything here is offline: the folder is on disk. The safety checker and feature extractor of a folder are not read.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from zeroconv.errors import UserError
from zeroconv.hub import weight_set

PARTS = ("unet", "vae", "text_encoder", "text_encoder_2")
PLAIN = ("scheduler", "tokenizer", "tokenizer_2")


@dataclass(frozen=True)
class Parts:
    """What a base's folder holds, as BaseModel takes it."""

    unet: Any
    vae: Any
    text_encoders: tuple[Any, ...]
    tokenizers: tuple[Any, ...]
    scheduler: Any
    zeros_for_no_negative: bool
    notes: tuple[str, ...] = ()
    """What was decided for the user, in sentences."""


def read_parts(folder: Path, dtype: torch.dtype, *, prediction: str | None = None) -> Parts:
    """Read a diffusers folder in `dtype`, whatever number type the files have; UserError says what does not fit.

    prediction: what the U-Net predicts, where the folder's scheduler says it wrongly.
    """
    index = read_index(folder)
    numbers = [suffix for suffix in ("", "_2") if _class_name(index, f"text_encoder{suffix}")]
    with quiet_libraries():
        unet = _network(folder, index, "unet", dtype)
        overflows = dtype == torch.float16 and len(numbers) > 1 and _must_be_float32(folder / "vae")
        vae = _network(folder, index, "vae", torch.float32 if overflows else dtype)
        text_encoders = tuple(_network(folder, index, f"text_encoder{number}", dtype) for number in numbers)
        _check_text_width(folder, unet, text_encoders)
        return Parts(
            unet=unet,
            vae=vae,
            text_encoders=text_encoders,
            tokenizers=tuple(_tokenizer(folder / f"tokenizer{number}") for number in numbers),
            scheduler=_scheduler(folder, index, prediction),
            zeros_for_no_negative=bool(index.get("force_zeros_for_empty_prompt", False)) and len(numbers) > 1,
        )


def read_index(folder: Path) -> dict[str, Any]:
    """The folder's model_index.json; UserError where it is missing or names parts we cannot drive."""
    path = folder / "model_index.json"
    if not path.is_file():
        raise UserError(f"{folder} is not a base: expected a diffusers folder with model_index.json{_instead(folder)}.")
    with said_plainly(path):
        index: dict[str, Any] = json.loads(path.read_text("utf-8"))
    kind = _class_name(index, "unet")
    if kind != "UNet2DConditionModel":
        found = kind or _class_name(index, "transformer") or index.get("_class_name", "nothing")
        raise UserError(f"{folder} cannot be a base: expected a UNet2DConditionModel as unet, got {found}.")
    for part in ("vae", "text_encoder", "tokenizer", "scheduler"):
        if not _class_name(index, part):
            raise UserError(f"{folder} cannot be a base: its model_index.json names no {part}.")
    return index


def _instead(folder: Path) -> str:
    if not folder.exists():
        return ", but there is no such folder"
    if folder.is_file():
        return ", got a file"
    config = folder / "config.json"
    if config.is_file() and "ControlNet" in config.read_text("utf-8", errors="replace"):
        return ", got a ControlNet's folder (give it as checkpoint of a control)"
    return ""


def wanted_files(names: Sequence[str]) -> list[str]:
    """What of a hub repository's files a base needs; nothing where the repository has no model_index.json."""
    if "model_index.json" not in names:
        return []
    wanted = ["model_index.json"]
    for part in (*PARTS, *PLAIN):
        inside = [name.removeprefix(f"{part}/") for name in names if name.startswith(f"{part}/")]
        found = weight_set(inside) if part in PARTS else None
        settings = tuple(name for name in inside if name.endswith((".json", ".txt")) and ".index." not in name)
        wanted += [f"{part}/{name}" for name in (*settings, *(found[1] if found else ()))]
    return wanted


def _class_name(index: Mapping[str, Any], part: str) -> str | None:
    entry = index.get(part)
    return entry[1] if isinstance(entry, list) and len(entry) == 2 else None


def _network(folder: Path, index: Mapping[str, Any], part: str, dtype: torch.dtype) -> Any:
    """One of the folder's networks with its weights; every weight must be in the file."""
    place = folder / part
    found = weight_set([path.name for path in place.iterdir()]) if place.is_dir() else None
    if found is None:
        raise UserError(f"{place} has no weights: expected .safetensors or .bin files in the diffusers layout.")
    kind, _ = found
    options: dict[str, Any] = {"variant": "fp16" if kind.startswith("fp16") else None}
    options |= {"use_safetensors": kind.endswith("safetensors"), "local_files_only": True, "output_loading_info": True}
    with said_plainly(place):
        if part.startswith("text"):
            network, report = _library_class(index, part).from_pretrained(place, dtype=dtype, **options)
        else:
            options["low_cpu_mem_usage"] = _has_accelerate()
            network, report = _library_class(index, part).from_pretrained(place, torch_dtype=dtype, **options)
    missing = sorted(key for key in report["missing_keys"] if not key.endswith("position_ids"))
    if missing:
        some = ", ".join(missing[:3])
        raise UserError(f"{place} lacks {len(missing)} of the weights that its config asks for, the first: {some}.")
    return network


def _check_text_width(folder: Path, unet: Any, text_encoders: Sequence[Any]) -> None:
    """A folder put together from parts of two families would fail deep inside, with two numbers and no name."""
    reads, given = unet.config.cross_attention_dim, sum(encoder.config.hidden_size for encoder in text_encoders)
    if isinstance(reads, int) and unet.config.encoder_hid_dim is None and reads != given:
        raise UserError(
            f"{folder} does not fit together: its U-Net reads text of width {reads}, its encoders give {given}."
        )


def _must_be_float32(place: Path) -> bool:
    """Whether the autoencoder's config says that it overflows in float16, as SDXL's does (diffusers: force_upcast)."""
    path = place / "config.json"
    with said_plainly(path):
        return bool(json.loads(path.read_text("utf-8")).get("force_upcast", True))


def _library_class(index: Mapping[str, Any], part: str) -> Any:
    import diffusers
    import transformers

    name = _class_name(index, part) or ""
    library = transformers if part.startswith("text") else diffusers
    if not hasattr(library, name):
        raise UserError(f"the base's {part} is a {name!r}, which the installed {library.__name__} does not know.")
    return getattr(library, name)


def _tokenizer(place: Path) -> Any:
    from transformers import CLIPTokenizer

    if not any((place / name).is_file() for name in ("vocab.json", "tokenizer.json")):
        raise UserError(f"{place} has no tokenizer: expected vocab.json and merges.txt.")
    with said_plainly(place):
        return CLIPTokenizer.from_pretrained(place, local_files_only=True)


def _scheduler(folder: Path, index: Mapping[str, Any], prediction: str | None) -> Any:
    changes = {} if prediction is None else {"prediction_type": prediction}
    with said_plainly(folder / "scheduler"):
        kind = _library_class(index, "scheduler")
        return kind.from_pretrained(folder / "scheduler", local_files_only=True, **changes)


def _has_accelerate() -> bool:
    from importlib.util import find_spec

    return find_spec("accelerate") is not None


@contextmanager
def said_plainly(path: Path) -> Iterator[None]:
    """What a library says about an unreadable file, as one sentence that names the file."""
    from safetensors import SafetensorError

    try:
        yield
    except UserError:
        raise
    except (OSError, ValueError, RuntimeError, KeyError, TypeError, EOFError, SafetensorError) as problem:
        reason = (str(problem).strip() or type(problem).__name__).splitlines()[0]
        raise UserError(f"cannot read {path}: {reason}") from problem


@contextmanager
def quiet_libraries() -> Iterator[None]:
    """transformers without its progress bars and reports for the time of loading; ours stand in the command line."""
    from transformers.utils import logging

    bars, verbosity = logging.is_progress_bar_enabled(), logging.get_verbosity()
    logging.disable_progress_bar()
    logging.set_verbosity_error()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()
