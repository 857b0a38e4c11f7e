"""Published weights of networks: where a file is found, how it is read safely, and a network that holds its tensors.

Pickled files are read as tensors alone (weights_only), so that no file can run code. Nothing here is imported by the
algorithms that need no weights.
"""

import functools
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zeroconv.conditions.device import Device, find_device
from zeroconv.errors import UserError

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

    Build = Callable[[Mapping[str, Tensor]], nn.Module]


@dataclass(frozen=True)
class WeightFile:
    """One published file."""

    name: str
    repository: str | None = "lllyasviel/Annotators"
    """On the Hugging Face hub; None: it is not there."""
    page: str = ""
    """Where to get it instead."""
    otherwise: str = "take method=algorithm, which needs none"
    """What serves without it."""

    @property
    def address(self) -> str:
        """Where a person downloads it."""
        return self.page or f"https://huggingface.co/{self.repository}/resolve/main/{self.name}"


def load(file: WeightFile, weights: str, build: "Build", device: Device) -> Any:
    """The network that `build` makes for the file's tensors, holding them, in eval mode; read once a process.

    weights: a file, a folder that holds one of that name, or "" for the hub's cache and then the hub.
    """
    place = find_device(device)
    path = find(file, weights)
    state = path.stat()
    return _loaded(path, build, place, state.st_mtime_ns, state.st_size)


def find(file: WeightFile, weights: str) -> Path:
    """The path of a file on this machine; UserError says where it was looked for and how to get it."""
    if weights:
        return _given(file, Path(weights).expanduser())
    if file.repository is None:
        raise UserError(f"{file.name} is not on the Hugging Face hub: {_how_to_get(file)}")
    from huggingface_hub import HfApi, hf_hub_download

    try:
        return Path(hf_hub_download(file.repository, file.name, local_files_only=True))
    except (OSError, ValueError):  # not there yet
        pass
    try:
        HfApi().model_info(file.repository, timeout=10)  # offline it fails at once, where a download tries for 23 s
        return Path(hf_hub_download(file.repository, file.name))
    except Exception as problem:  # the hub's client changes its own error classes with the HTTP library it uses
        looked = f"{file.name} is neither in the hub's cache {_cache()} nor could it be downloaded ({_first(problem)})"
        raise UserError(f"{looked}: {_how_to_get(file)}") from problem


def read_tensors(path: Path) -> "dict[str, Tensor]":
    """The named tensors of a .safetensors or pickled file, without the wrappers that training frameworks add."""
    from zeroconv import tensor_files  # imports torch, which the algorithms without weights do not need

    found = {key.removeprefix("module."): tensor for key, tensor in tensor_files.read_tensors(path).items()}
    if not found:
        raise UserError(f"{path} holds no named tensors, so it is not a file of weights")
    return found


def fill(network: "nn.Module", tensors: "Mapping[str, Tensor]", path: Path) -> None:
    """Copies every tensor to its place; UserError unless names and shapes are the network's, all of them."""
    ours = network.state_dict()
    missing, unexpected = sorted(ours.keys() - tensors.keys()), sorted(tensors.keys() - ours.keys())
    misfits = [key for key in ours.keys() & tensors.keys() if ours[key].shape != tensors[key].shape]
    if missing or unexpected or misfits:
        example = (missing + misfits + unexpected)[0]
        raise UserError(
            f"{path} holds the weights of another network than {type(network).__name__}: {len(missing)} tensors are "
            f"missing, {len(misfits)} have another shape and {len(unexpected)} are not known, as {example!r}"
        )
    network.load_state_dict(tensors)


@functools.lru_cache(maxsize=4)
def _loaded(path: Path, build: "Build", device: "torch.device", changed: int, size: int) -> "nn.Module":
    tensors = read_tensors(path)
    network = build(tensors)
    fill(network, tensors, path)
    return network.float().eval().requires_grad_(False).to(device)


def _given(file: WeightFile, path: Path) -> Path:
    if path.is_file():
        return path
    if path.is_dir():
        names = (file.name, Path(file.name).with_suffix(".safetensors").name)
        for name in names:
            if (path / name).is_file():
                return path / name
        raise UserError(f"the folder {path} holds no {' or '.join(names)}: {_how_to_get(file)}")
    raise UserError(f"no file or folder {path} with the weights {file.name}: {_how_to_get(file)}")


def _how_to_get(file: WeightFile) -> str:
    return (
        f"download it from {file.address} and give the file or its folder with weights (--weights), or {file.otherwise}"
    )


def _cache() -> str:
    from huggingface_hub import constants

    return os.fspath(constants.HF_HUB_CACHE)


def _first(problem: Exception) -> str:
    """The first line of an error, without its final stop."""
    return (str(problem).strip() or type(problem).__name__).splitlines()[0].rstrip(".")
