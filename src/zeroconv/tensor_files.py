"""Files of tensors: written as safetensors; read safely, pickles too, without running any code that is in them.

Source: safetensors; torch.load(weights_only=True). What a file is, its content decides, not its name.
"""

import hashlib
import pickle
import re
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from zeroconv.errors import UserError

# The torch names of the number types of safetensors' header.
_DTYPES = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "I64": torch.int64,
    "I32": torch.int32,
    "U8": torch.uint8,
    "BOOL": torch.bool,
    "F8_E4M3": torch.float8_e4m3fn,
    "F8_E5M2": torch.float8_e5m2,
}


class _Inert:
    """Stands for what training frameworks leave in checkpoints: does nothing, keeps nothing, whatever it is told."""

    def __init__(self, *_: object) -> None:
        """Forget whatever the file passes."""

    def __setstate__(self, state: object) -> None:
        """Forget whatever the file passes."""

    def __setitem__(self, key: object, value: object) -> None:
        """Forget whatever the file passes."""


# Whose objects lie beside the weights: Lightning's callbacks, as in the released SD 1.5 files, and its settings, and
# numpy's numbers. What has these names in a file becomes an _Inert: nothing is imported or called.
_HARMLESS = re.compile(
    r"(pytorch_lightning|lightning|lightning_fabric|omegaconf)\.|numpy\.(_?core\.multiarray\.scalar|dtype)$"
)
_MOST_KINDS = 50
"""Different harmless objects in one file, above which it is none of the kind."""


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Every tensor of a checkpoint file by its key, on the CPU; UserError for what cannot be read or could run code."""
    if not path.is_file():
        raise UserError(f"there is no file {path}.")
    if _is_safetensors(path):
        return _read_safetensors(path)
    with path.open("rb") as file:
        start = file.read(4)
    if not start:
        raise UserError(f"{path} is cut short: it is empty.")
    if start[:2] == b"PK" and not zipfile.is_zipfile(path):
        raise UserError(f"{path} is cut short: it is the beginning of a .pth or .ckpt file whose end is missing.")
    if start[:2] not in (b"PK", b"\x80\x02", b"\x80\x03", b"\x80\x04"):
        raise UserError(f"{path} is not a checkpoint: expected .safetensors, .pth, .ckpt or .bin content.")
    return _read_pickle(path)


def write_tensors(tensors: Mapping[str, Tensor], path: Path, about: Mapping[str, str] | None = None) -> None:
    """Write tensors as safetensors with the mode of any new file; `about` is kept beside them, as texts.

    The library by itself lets nobody but the owner read what it writes.
    """
    from safetensors.torch import save_file

    path.touch()
    mode = path.stat().st_mode
    save_file(dict(tensors), path, {"format": "pt"} if about is None else dict(about))
    path.chmod(mode)


def read_shapes(path: Path) -> dict[str, Tensor]:
    """The same keys with tensors on the meta device: shapes and number types, without reading the weights."""
    if not (path.is_file() and _is_safetensors(path)):
        return {key: tensor.to("meta") for key, tensor in read_tensors(path).items()}
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as file:
            slices = {key: file.get_slice(key) for key in file.keys()}  # noqa: SIM118 - not a mapping
            return {key: _meta(part.get_shape(), part.get_dtype()) for key, part in slices.items()}
    except (SafetensorError, OSError) as problem:
        raise _cut_short(path, problem) from problem


def read_about(path: Path) -> dict[str, str]:
    """The texts that a safetensors file has beside its tensors; none in a file of another kind."""
    if not _is_safetensors(path):
        return {}
    from safetensors import safe_open

    with safe_open(path, framework="pt") as file:
        return dict(file.metadata() or {})


def _meta(shape: list[int], dtype: str) -> Tensor:
    return torch.empty(shape, dtype=_DTYPES.get(dtype, torch.float32), device="meta")


def _is_safetensors(path: Path) -> bool:
    """Eight bytes of length, then JSON: that is how every safetensors file begins."""
    with path.open("rb") as file:
        return file.read(9)[8:] == b"{"


def _read_safetensors(path: Path) -> dict[str, Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except (SafetensorError, OSError, ValueError) as problem:
        raise _cut_short(path, problem) from problem


def _cut_short(path: Path, problem: Exception) -> UserError:
    reason = (str(problem).strip() or type(problem).__name__).splitlines()[0]
    return UserError(f"{path} is damaged or cut short: {reason}.")


def _read_pickle(path: Path) -> dict[str, Tensor]:
    """Read what is named harmless as inert stand-ins, one kind after another; anything else is refused."""
    harmless: list[str] = []
    try:
        while True:
            try:
                return _tensors_in(_unpickled(path, harmless), path)
            except pickle.UnpicklingError as problem:
                found = re.search(r"GLOBAL ([\w.]+)", str(problem))
                name = found[1] if found else ""
                if not _HARMLESS.match(name) or name in harmless or len(harmless) == _MOST_KINDS:
                    raise _refused(path, name) from problem
                harmless.append(name)
    except UserError:
        raise
    except (RuntimeError, EOFError, OSError, ValueError, KeyError, TypeError, AttributeError, IndexError) as problem:
        raise _cut_short(path, problem) from problem


def _unpickled(path: Path, harmless: list[str]) -> object:
    stand_ins: list[Any] = [(_Inert, name) for name in harmless]
    with torch.serialization.safe_globals(stand_ins), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about the pickle's version: what counts is whether it can be read
        return torch.load(path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path))


def _refused(path: Path, name: str) -> UserError:
    what = f"it holds {name}, which" if name else "it holds something that"
    return UserError(f"{path} is refused: {what} could run code; expected plain tensors, best as .safetensors.")


def _tensors_in(content: object, path: Path) -> dict[str, Tensor]:
    """The state dict of a file, which training frameworks wrap into others."""
    for wrapper in ("state_dict", "module", "model"):
        if isinstance(content, Mapping) and isinstance(content.get(wrapper), Mapping):
            content = content[wrapper]
    if not isinstance(content, Mapping):
        raise UserError(f"{path} is not a checkpoint: expected named tensors, got {type(content).__name__}.")
    groups = {str(key): value for key, value in content.items() if isinstance(value, Mapping)}
    nested = {f"{group}.{key}": value for group, values in groups.items() for key, value in values.items()}
    return {str(key): value for key, value in (*content.items(), *nested.items()) if isinstance(value, Tensor)}


def sha256_of(path: Path) -> str:
    """The sha256 of a file in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
