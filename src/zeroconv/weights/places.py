"""Where a ControlNet is: a built-in name, a folder, a file or a hub id, brought to something on this disk."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from zeroconv.base.families import MODELS
from zeroconv.errors import UserError, nearest
from zeroconv.hub import fetch, looks_like_hub_id, weight_set
from zeroconv.tensor_files import read_shapes, read_tensors, sha256_of
from zeroconv.weights.architecture import ADAPTER_CLASS, CLASS, OWN_CLASS
from zeroconv.weights.sidecar import FILE

BUILT_IN: dict[str, Path] = {
    f"tiny-{folder.name.removeprefix('controlnet-')}": folder for folder in sorted(MODELS.glob("controlnet-*"))
}
"""The ControlNets that ship with the package: name -> folder."""
CONTROLNETS = (CLASS, OWN_CLASS)
CONTROLS = (*CONTROLNETS, ADAPTER_CLASS)
"""The class names of what can steer a base."""


@dataclass(frozen=True)
class Place:
    """One checkpoint on this disk."""

    path: Path
    files: tuple[Path, ...]
    """The files with the weights: one, or the shards."""
    config: dict[str, Any] | None
    """The folder's config.json; None for a single file."""

    def read(self) -> dict[str, Tensor]:
        """Every tensor by its key in the file."""
        return {key: tensor for file in self.files for key, tensor in read_tensors(file).items()}

    def shapes(self) -> dict[str, Tensor]:
        """The same without the weights, on the meta device."""
        return {key: tensor for file in self.files for key, tensor in read_shapes(file).items()}


def find(source: str | Path, expected: tuple[str, ...] = CONTROLNETS) -> Place:
    """The checkpoint that `source` names; UserError where there is none, or a folder's is of another class."""
    name = str(source)
    path = BUILT_IN.get(name, Path(name).expanduser())
    if path.is_file():
        return Place(path, (path,), None)
    if path.is_dir():
        return folder_place(path, expected)
    if looks_like_hub_id(name):
        return folder_place(fetch(name, _wanted_files, "ControlNet"), expected)
    raise UserError(
        f"no ControlNet {name!r}: expected a folder, a .safetensors, .pth or .ckpt file, a hub id (owner/name)"
        + (f" or a built-in name; {nearest(name, BUILT_IN)}." if BUILT_IN else ".")
    )


def folder_place(folder: Path, expected: tuple[str, ...] = CONTROLNETS) -> Place:
    """A network's folder in the diffusers format; its config must be of one of the `expected` classes."""
    path = folder / "config.json"
    if not path.is_file():
        raise UserError(f"{folder} is not a ControlNet: expected a folder with config.json{_hint(folder)}.")
    try:
        config = json.loads(path.read_text("utf-8"))
    except ValueError as problem:
        raise UserError(f"{path} is damaged: expected JSON, got {problem}.") from problem
    kind = config.get("_class_name") if isinstance(config, dict) else None
    if kind not in expected:
        raise UserError(f"{folder} holds a {kind or 'network without a class name'}, expected a {expected[0]}.")
    found = weight_set([file.name for file in folder.iterdir()])
    if found is None:
        raise UserError(f"{folder} has no weights: expected diffusion_pytorch_model.safetensors.")
    return Place(folder, tuple(folder / name for name in sorted(found[1]) if not name.endswith(".json")), config)


def _hint(folder: Path) -> str:
    if (folder / "model_index.json").is_file():
        return ", got a base"
    inside = sorted(path.parent.name for path in folder.glob("*/config.json"))
    return f"; did you mean {folder / inside[0]}?" if inside else ""


def _wanted_files(names: Sequence[str]) -> list[str]:
    """What of a hub repository's files a ControlNet needs; nothing where it has no config.json."""
    found = weight_set([name for name in names if "/" not in name])
    if "config.json" not in names or found is None:
        return []
    return ["config.json", *(name for name in (FILE,) if name in names), *found[1]]


def file_hash(source: object) -> str | None:
    """The sha256 of a control's weights on this disk; None for what is no name or path of one."""
    if not isinstance(source, str | Path):
        return None
    try:
        files = find(source, CONTROLS).files
    except (UserError, OSError):
        return None
    return "+".join(sha256_of(file) for file in files)
