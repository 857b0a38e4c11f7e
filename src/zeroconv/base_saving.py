"""A base on disk: a complete diffusers pipeline folder with the U-Net as it is now.

Source: diffusers' pipeline layout. All but the U-Net is taken over from the folder that the base was loaded from.
"""

import json
import secrets
import shutil
from pathlib import Path
from typing import Any

from zeroconv.base import BaseModel, base_folder
from zeroconv.base_files import PARTS, PLAIN, read_index, wanted_files
from zeroconv.tensor_files import write_tensors

_WEIGHTS = "diffusion_pytorch_model.safetensors"


def save_base(base: BaseModel, folder: str | Path) -> Path:
    """Write the base into `folder` -> the folder, which `load_base` and diffusers' pipelines load.

    A folder that is there is replaced as a whole; an interruption leaves it. The safety checker is left out.
    """
    folder, source = Path(folder), base_folder(base.name)
    part, former = (folder.with_name(f".{folder.name}.{secrets.token_hex(4)}.{end}") for end in ("part", "former"))
    part.mkdir(parents=True)
    try:
        _copy(source, part)
        _write_unet(base, part / "unet")
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


def _write_unet(base: BaseModel, folder: Path) -> None:
    state = {key: value.detach().cpu().contiguous() for key, value in base.unet.state_dict().items()}
    write_tensors(state, folder / _WEIGHTS)
