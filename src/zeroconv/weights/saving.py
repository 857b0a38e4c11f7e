"""A ControlNet on disk: a folder that diffusers loads, with what is ours beside it; and the original file layout.

Source: diffusers' `save_pretrained` layout; the released .pth layout (lllyasviel/ControlNet).
"""

import json
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from zeroconv.base import BUILT_IN, BaseModel
from zeroconv.control import ControlNet
from zeroconv.errors import UserError
from zeroconv.images import atomic_folder
from zeroconv.tensor_files import write_tensors
from zeroconv.variants import variant_of
from zeroconv.weights.architecture import config_of, only_ours
from zeroconv.weights.keys import ours_to_diffusers, to_original_keys
from zeroconv.weights.sidecar import FILE, Sidecar, write_sidecar

WEIGHTS = "diffusion_pytorch_model.safetensors"


def save(
    controlnet: ControlNet,
    base: BaseModel,
    folder: str | Path,
    *,
    sidecar: Sidecar | None = None,
    dtype: torch.dtype | None = None,
) -> Path:
    """Write config.json, diffusion_pytorch_model.safetensors and zeroconv.json into `folder` -> the folder.

    dtype: the number type in the file (torch.float16 halves it); None: the ControlNet's own. The sidecar gets the
    base's name and fingerprint. An interruption leaves the earlier folder, or whole files.
    """
    record = replace(
        sidecar or Sidecar(),
        variant=variant_of(controlnet),
        base=public_name(base),
        base_fingerprint=base.fingerprint(),
    )
    return write_folder(controlnet, Path(folder), record, dtype)


def write_folder(
    controlnet: ControlNet, folder: Path, sidecar: Sidecar | None, dtype: torch.dtype | None = None
) -> Path:
    """Write a ControlNet's folder, whole or not at all -> the folder; without a sidecar it has no zeroconv.json."""
    with atomic_folder(folder) as part:
        write_tensors(to_diffusers(controlnet, dtype), part / WEIGHTS)
        (part / "config.json").write_text(json.dumps(config_of(controlnet), indent=2, sort_keys=True) + "\n", "utf-8")
        if sidecar is not None:
            write_sidecar(sidecar, part / FILE)
    return folder


def to_diffusers(controlnet: ControlNet, dtype: torch.dtype | None = None) -> dict[str, Tensor]:
    """The weights on the CPU under the names of diffusers' ControlNetModel."""
    state = controlnet.state_dict()
    return {ours_to_diffusers(key): value.detach().to("cpu", dtype).contiguous() for key, value in state.items()}


def to_original(controlnet: ControlNet, prefix: str = "control_model.") -> dict[str, Tensor]:
    """The weights under the names of the released .pth files; UserError where that layout has no name for some."""
    if reason := only_ours(controlnet):
        raise UserError(f"this ControlNet has no form in the original layout: {reason}.")
    renamed, unknown = to_original_keys(to_diffusers(controlnet))
    if unknown:
        raise UserError(f"the original layout has no name for {len(unknown)} weights, the first: {unknown[0]}.")
    return {f"{prefix}{key}": value for key, value in renamed.items()}


def public_name(base: BaseModel) -> str:
    """The base's name as others know it: of a folder or file its last part, not where it lies on this machine."""
    is_path = base.name not in BUILT_IN and Path(base.name).exists()
    return Path(base.name).resolve().name if is_path else base.name
