"""Networks of transformers as detectors: found in a folder, the hub's cache or on the hub, and run on pictures.

transformers is imported only when a network is loaded. Its image processors run through PIL: torchvision is no
dependency. Letters: H, W the picture's height and width.
"""

import functools
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from zeroconv.conditions.device import Device, find_device
from zeroconv.errors import PictureError, UserError

if TYPE_CHECKING:
    import torch
    from torch import Tensor

_NEEDED = ("config.json", "preprocessor_config.json")
_LOADERS = {
    ("AutoModelForSemanticSegmentation", family): "AutoModelForUniversalSegmentation"
    for family in ("mask2former", "oneformer")
}
"""Networks that transformers has under another class than others of their purpose."""
_PROCESSORS = {"oneformer": {"class_info_file": None}}
"""What would be fetched from the hub, and serves training alone."""
_FILES = f"{', '.join(_NEEDED)} and model.safetensors"


@dataclass(frozen=True, eq=False)
class Pretrained:
    """A network and what prepares pictures for it."""

    processor: Any
    model: Any

    def __call__(self, *images: np.ndarray) -> Any:
        """Pictures of one size, uint8 (H, W, 3), RGB -> the network's outputs, without gradients."""
        return self.run(self.prepared(*images))

    def prepared(self, *images: np.ndarray, **inputs: Any) -> dict[str, Any]:
        """Pictures of one size, uint8 (H, W, 3), RGB -> the network's inputs; `inputs` are the processor's own, as
        boxes.

        PictureError for a picture of a shape that the processor cannot scale.
        """
        try:
            given = self.processor(
                images=list(images), input_data_format="channels_last", return_tensors="pt", **inputs
            )
        except ValueError as problem:  # as for a picture so narrow that scaled to the network's size it vanishes
            size = f"{images[0].shape[1]}x{images[0].shape[0]}"
            raise PictureError(
                f"a picture of {size} pixels cannot be prepared for this network: {problem}"
            ) from problem
        return dict(given)

    def run(self, inputs: dict[str, Any]) -> Any:
        """The network's outputs for inputs that are prepared."""
        import torch

        device = self.model.device
        with torch.inference_mode():
            return self.model(**{name: values.to(device) for name, values in inputs.items()})


def load(
    architecture: str,
    weights: str,
    *,
    of: str,
    example: str,
    otherwise: str = "",
    option: str = "weights=",
    also: tuple[str, ...] = (),
    device: Device = "auto",
) -> Pretrained:
    """The network in a folder or on the hub, by a class of transformers, as "AutoModelForDepthEstimation".

    of         the condition or part that needs it, for errors, as "depth"
    example    a hub id that fits
    otherwise  what serves without weights, for errors
    option     how weights are given, for errors
    also       names of more files that are fetched from the hub where it has them
    UserError names the network, where it was looked for and how to get it.
    """
    place = find_device(device)
    if not weights.strip():
        raise UserError(f"{of}: weights is empty; expected a folder or a hub id, as {example}")
    if Path(weights).expanduser().is_dir():
        return _load(architecture, str(Path(weights).expanduser().resolve()), of, place)
    if Path(weights).exists() or weights.count("/") != 1 or weights[0] in "./~":
        expected = f"expected a folder with {_FILES}, or a hub id, as {example}{_also(otherwise)}"
        raise UserError(f"{of}: no network at {weights!r}; {expected}")
    return _load(architecture, _from_hub(weights, of, otherwise, option, also), of, place)


def resized(values: "Tensor", size: tuple[int, ...], mode: str) -> "Tensor":
    """(B, K, h, w) -> (B, K, H, W) in float32, by bilinear or bicubic interpolation."""
    import torch

    return torch.nn.functional.interpolate(values.float(), size=tuple(size), mode=mode, align_corners=False)


@functools.lru_cache(maxsize=4)
def _load(architecture: str, folder: str, of: str, device: "torch.device") -> Pretrained:
    """The network and the processor in a folder; UserError where its files do not fit."""
    _quiet()
    import torch
    import transformers

    options, family = {"local_files_only": True, "trust_remote_code": False}, _family(folder)
    try:
        own = _PROCESSORS.get(family, {})
        processor = transformers.AutoImageProcessor.from_pretrained(folder, backend="pil", **own, **options)
        loader = _LOADERS.get((architecture, family), architecture)
        model, found = getattr(transformers, loader).from_pretrained(
            folder, dtype=torch.float32, output_loading_info=True, **options
        )
    except OSError:
        missing = [name for name in _NEEDED if not (Path(folder) / name).is_file()]
        what = f"it lacks {' and '.join(missing)}" if missing else "its weights cannot be read"
        raise UserError(f"{of}: {folder} is no network that transformers can load: {what}; expected {_FILES}") from None
    except Exception as problem:  # a wrong configuration or tensor raises errors of many kinds, of its own too
        raise UserError(f"{of}: {folder} does not hold what {architecture} loads: {_first_line(problem)}") from problem
    lacking = sorted(found["missing_keys"])
    if lacking:
        raise UserError(
            f"{of}: the weights in {folder} lack {len(lacking)} of the network's tensors, as {lacking[0]}; "
            f"with random values in their place its results would mean nothing"
        )
    return Pretrained(processor, model.eval().requires_grad_(False).to(device))


def _family(folder: str) -> str:
    """The network's `model_type`; empty where its configuration cannot be read, which its loading will say."""
    try:
        return str(json.loads((Path(folder) / _NEEDED[0]).read_text("utf-8"))["model_type"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def _from_hub(name: str, of: str, otherwise: str, option: str, also: tuple[str, ...]) -> str:
    """The folder of an earlier download, else of a new one."""
    from huggingface_hub import HfApi, snapshot_download
    from huggingface_hub.constants import HF_HUB_CACHE

    try:
        earlier = Path(snapshot_download(name, local_files_only=True))
        if all((earlier / file).is_file() for file in _NEEDED) and _weights([file.name for file in earlier.iterdir()]):
            return str(earlier)
    except (OSError, ValueError):
        pass  # there is none, or no such name can be
    try:
        files = [file.rfilename for file in HfApi().model_info(name, timeout=10).siblings or ()]
        return str(snapshot_download(name, allow_patterns=[*_NEEDED, *_weights(files), *also]))
    except Exception as problem:  # the hub's client changes its own error classes with the HTTP library it uses
        raise UserError(
            f"{of} needs the network {name}, which is not in {HF_HUB_CACHE} and could not be downloaded "
            f"({_first_line(problem)}); get it where there is a network with `hf download {name}`, or give a folder "
            f"with {option}FOLDER{_also(otherwise)}"
        ) from problem


def _weights(files: list[str]) -> list[str]:
    """Of the names of files those of the weights: safetensors where there are any."""
    for pattern in (r"model[^/]*\.safetensors(\.index\.json)?", r"pytorch_model[^/]*\.bin(\.index\.json)?"):
        found = [file for file in files if re.fullmatch(pattern, file) and ".fp16" not in file]
        if found:
            return found
    return []


def _quiet() -> None:
    """transformers' progress bars and its advice about torchvision have no place in one condition image."""
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()


def _also(otherwise: str) -> str:
    return f"; {otherwise}" if otherwise else ""


def _first_line(problem: BaseException) -> str:
    return (str(problem).strip() or type(problem).__name__).splitlines()[0]
