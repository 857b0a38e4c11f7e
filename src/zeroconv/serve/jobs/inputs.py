"""The pictures of a request, in the job's own folder before it is acknowledged: nothing else is read afterwards."""

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from PIL import Image

from zeroconv.errors import UserError
from zeroconv.images import save_png
from zeroconv.request import ControlRequest, Lora, Request, record
from zeroconv.request.files import as_it_is

FOLDER = "inputs"
POSES = "poses"
"""The text in a drawn pose's picture that keeps its joints, as OpenPose's JSON."""
_LONGEST = 100_000
"""Characters of it."""


def write_inputs(request: Request, folder: Path) -> Request:
    """The same request with its pictures as files below `folder`, on the disk.

    UserError for a picture that is no picture in memory: a server opens no path that it is given.
    """
    inputs = folder / FOLDER
    inputs.mkdir(parents=True)
    controls = tuple(_written_control(control, inputs, index) for index, control in enumerate(request.controls))
    changes: dict[str, Any] = {
        name: _written(getattr(request, name), inputs / f"{name}.png") for name in ("image", "mask")
    }
    written = replace(request, controls=controls, **changes)
    sync(inputs)
    return written


def _written_control(control: ControlRequest, inputs: Path, index: int) -> ControlRequest:
    image = _written(control.image, inputs / f"control-{index}.png")
    assert image is not None
    return replace(control, image=image, mask=_written(control.mask, inputs / f"control-{index}-mask.png"))


def _written(picture: object, path: Path) -> Path | None:
    if picture is None:
        return None
    if not isinstance(picture, Image.Image):
        raise UserError("a picture must be sent along; a server opens no path and no address")
    poses = picture.info.get(POSES)
    save_png(picture, path, {POSES: poses} if isinstance(poses, str) and len(poses) <= _LONGEST else None)
    sync(path)
    return path


def sync(path: Path) -> None:
    """Waits until a file or a folder's list of names is on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def digest(asked: Mapping[str, Any], folder: Path) -> str:
    """The hash of a request's record with the pictures below `folder`."""
    found = hashlib.sha256(json.dumps(asked, sort_keys=True).encode())
    for path in sorted((folder / FOLDER).iterdir()):
        found.update(path.read_bytes())
    return found.hexdigest()


def asked_record(request: Request, folder: Path, base: str) -> dict[str, Any]:
    """A request in run.json's schema, its pictures relative to `folder`."""
    return {**record.to_json(request, folder, as_it_is), "base": {"name": base}}


def recorded_request(asked: Mapping[str, Any], folder: Path) -> Request:
    """The request of such a record; UserError where one of its pictures is not below `folder` any more."""
    request = record.from_json(asked, folder, of="the job").request
    if not all(Path(str(picture)).is_relative_to(folder) for picture in request.pictures()):
        raise UserError("the pictures of the request are gone from the server's disk")
    named = zip(request.controls, asked["controls"], strict=True)
    controls = tuple(replace(control, checkpoint=written["checkpoint"]) for control, written in named)
    loras = tuple(Lora(lora["file"], lora["strength"]) for lora in asked.get("loras") or ())
    return replace(request, controls=controls, loras=loras)  # by their names, though files may be called so
