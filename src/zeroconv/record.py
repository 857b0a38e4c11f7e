"""run.json and the metadata of our pictures: everything needed to make a run again, in a numbered schema.

Paths are written relative to the folder of the file that holds them, so that a run can move with its inputs. What was
asked is at the top level under the names of `Request`; what came of it (hashes, versions, timings, outputs) beside
it. Reading takes a request that a person wrote as well as a record that we wrote.
"""

import hashlib
import json
import os
import platform
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from zeroconv import weights
from zeroconv.base import BUILT_IN
from zeroconv.errors import UserError, nearest
from zeroconv.images import read_metadata
from zeroconv.request import ControlRequest, Request

SCHEMA = 1
_ASKED = ("prompt", "negative", "steps", "guidance", "seeds", "size", "scheduler", "fit")
_RUN = ("base", "dtype")
_CAME_OF_IT = ("zeroconv", "device", "versions", "timings", "outputs", "created")
_CONTROL = ("condition", "image", "strength", "start", "end", "ready", "checkpoint", "options")
_CONTROL_CAME = ("image_sha256", "checkpoint_sha256", "condition_image")
_BUILT_IN = (*BUILT_IN, *weights.BUILT_IN)
_PACKAGES = ("zeroconv", "torch", "diffusers", "transformers", "numpy", "pillow", "opencv-python-headless")


@dataclass(frozen=True)
class Asked:
    """A request read from a file, with what the file says about the run besides."""

    request: Request
    base: str | None = None
    """The base's name or folder, None where the file leaves it open."""
    fingerprint: str | None = None
    """The base's fingerprint in the run that is made again."""
    tokenizer: str | None = None
    """The folder of CLIP's vocabulary for a base in a single file, where it was named."""
    prediction: str | None = None
    """What the base was taken to predict in the run that is made again."""
    dtype: str | None = None
    checkpoint_hashes: tuple[str | None, ...] = ()
    """sha256 of each control's ControlNet in the run that is made again."""


def to_json(request: Request, folder: Path) -> dict[str, Any]:
    """The request as plain JSON values, paths relative to `folder`."""
    asked = {name: getattr(request, name) for name in _ASKED}
    asked["seeds"] = list(request.seeds)
    asked["size"] = list(request.size) if request.size else None
    return {"schema": SCHEMA, **asked, "controls": [_control_to_json(control, folder) for control in request.controls]}


def from_json(record: object, folder: Path, *, of: str) -> Asked:
    """A request or run record as read from JSON; relative paths lie below `folder`. UserError names the field."""
    if not isinstance(record, dict):
        raise UserError(f"{of}: expected a JSON object with the fields of run.json")
    _check_schema(record, of)
    _check_keys(record, ("schema", "controls", *_ASKED, *_RUN, *_CAME_OF_IT), of)
    if "prompt" not in record:
        raise UserError(f"{of} has no prompt")
    controls = [] if record.get("controls") is None else record["controls"]
    if not isinstance(controls, list) or not all(isinstance(control, dict) for control in controls):
        raise UserError(f"{of}: controls must be a list of objects")
    values = {name: record[name] for name in _ASKED if record.get(name) is not None}
    base = record.get("base")
    named = base if isinstance(base, dict) else {"name": base}
    try:
        parsed = [_control_from_json(control, folder) for control in controls]
        return Asked(
            Request(**values, controls=tuple(parsed)),
            base=_found(named.get("name"), folder),
            fingerprint=_name(named.get("fingerprint")),
            tokenizer=_found(named.get("tokenizer"), folder),
            prediction=_name(named.get("prediction")),
            dtype=_name(record.get("dtype")),
            checkpoint_hashes=tuple(_name(control.get("checkpoint_sha256")) for control in controls),
        )
    except UserError as error:
        raise UserError(f"{of}: {error}") from error


def read(path: str | Path) -> Asked:
    """The request in a run.json, in a file a person wrote in its schema, or in one of our pictures."""
    path = Path(path)
    if not path.is_file():
        raise UserError(f"no request file {path}")
    text = read_metadata(path).get("zeroconv") if path.suffix.lower() == ".png" else _text(path)
    if text is None:
        raise UserError(f"{path} holds no request: it is not a picture made by zeroconv")
    try:
        record = json.loads(text)
    except json.JSONDecodeError as error:
        raise UserError(f"{path} is not valid JSON: {error}") from error
    asked = from_json(record, path.parent, of=str(path))
    _warn_of_changed_inputs(record, asked.request)
    return asked


def run_record(
    request: Request,
    folder: Path,
    *,
    base: Mapping[str, str],
    checkpoints: Mapping[str, str | None],
    images: tuple[str, ...],
) -> dict[str, Any]:
    """The request with the hashes and versions it was made with: what goes into each picture.

    base         name, fingerprint, family, prediction and the tokenizer's folder if one was named; paths are written
                 relative to `folder`
    checkpoints  sha256 of each ControlNet by the name the request has for it
    images       the condition images' file names, one per control
    """
    record = to_json(request, folder)
    paths = {name: _portable(base[name], folder) for name in ("name", "tokenizer") if name in base}
    record["base"] = {**base, **paths}
    for control, asked, image in zip(record["controls"], request.controls, images, strict=True):
        control["image_sha256"] = sha256(Path(asked.image)) if isinstance(asked.image, str | Path) else None
        control["checkpoint_sha256"] = checkpoints.get(str(asked.checkpoint))
        control["condition_image"] = image
    record["versions"] = versions()
    return record


def picture_metadata(record: Mapping[str, Any], seed: int) -> dict[str, str]:
    """The text chunks of one picture: the request for it alone, as JSON and to be read."""
    alone = {**record, "seeds": [seed]}
    return {"zeroconv": json.dumps(alone), "parameters": parameters(alone)}


def parameters(record: Mapping[str, Any]) -> str:
    """The request in the form that many programs show: prompt, negative prompt, then one line of settings."""
    width, height = record["size"]
    settings = {
        "Steps": record["steps"],
        "Sampler": record["scheduler"],
        "CFG scale": record["guidance"],
        "Seed": record["seeds"][0],
        "Size": f"{width}x{height}",
        "Model": record["base"]["name"],
        **{f"ControlNet {index}": _control_line(control) for index, control in enumerate(record["controls"])},
        "Version": f"zeroconv {record['versions']['zeroconv']}",
    }
    lines = [record["prompt"], *([f"Negative prompt: {record['negative']}"] if record["negative"] else [])]
    return "\n".join([*lines, ", ".join(f"{name}: {value}" for name, value in settings.items())])


def sha256(path: Path) -> str:
    """The hash of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def versions() -> dict[str, str]:
    """The versions of what the numbers depend on."""
    found = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:  # an OpenCV of another name, or a source tree that is not installed
            continue
    return found


def _control_to_json(control: ControlRequest, folder: Path) -> dict[str, Any]:
    is_file = isinstance(control.image, str | Path)
    checkpoint = control.checkpoint
    return {
        "condition": control.name,
        "image": _portable(str(control.image), folder) if is_file else None,
        "strength": control.strength,
        "start": control.start,
        "end": control.end,
        "ready": control.ready,
        "checkpoint": _portable(str(checkpoint), folder) if isinstance(checkpoint, str | Path) else None,
        "options": dict(control.options),
    }


def _control_from_json(control: Mapping[str, Any], folder: Path) -> ControlRequest:
    _check_keys(control, (*_CONTROL, *_CONTROL_CAME), "a control")
    if not isinstance(control.get("condition"), str) or not isinstance(control.get("image"), str):
        raise UserError("a control needs a condition and an image")
    options = control.get("options") or {}
    if not isinstance(options, dict):
        raise UserError("a control's options must be an object")
    given = {name: control[name] for name in ("strength", "start", "end", "ready") if control.get(name) is not None}
    image, checkpoint = _found(control["image"], folder), _found(control.get("checkpoint"), folder)
    return ControlRequest(control["condition"], image or "", checkpoint=checkpoint, options=options, **given)


def _portable(name: str, folder: Path) -> str:
    """A path that exists, relative to `folder` with forward slashes; any other name (built-in, hub id) as it is."""
    if name in _BUILT_IN or not Path(name).exists():
        return name
    try:
        return Path(os.path.relpath(name, folder)).as_posix()
    except ValueError:  # another drive
        return Path(name).absolute().as_posix()


def _found(name: object, folder: Path) -> str | None:
    """A name from a file: what lies below the file's folder, else as it stands."""
    name = _name(name)
    is_path = bool(name) and name not in _BUILT_IN and (folder / str(name)).exists()
    return str(folder / str(name)) if is_path else name


def _name(name: object) -> str | None:
    if name is None or isinstance(name, str):
        return name
    raise UserError(f"expected a name or a path, got {name!r}")


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is not a text file; expected a run.json") from error


def _check_schema(record: Mapping[str, Any], of: str) -> None:
    if record.get("schema") != SCHEMA:
        found = f"schema {record['schema']!r}" if "schema" in record else "no schema number"
        raise UserError(f'{of} has {found}; this version of zeroconv reads "schema": {SCHEMA}')


def _check_keys(record: Mapping[str, Any], known: tuple[str, ...], of: str) -> None:
    for key in record:
        if key not in known:
            raise UserError(f"{of} has an unknown field {key!r}; {nearest(str(key), known)}")


def _warn_of_changed_inputs(record: Mapping[str, Any], request: Request) -> None:
    for control, asked in zip(record.get("controls") or [], request.controls, strict=True):
        path, before = Path(str(asked.image)), control.get("image_sha256")
        if before and path.is_file() and sha256(path) != before:
            warnings.warn(f"{path} is not the file it was in the recorded run: the pictures will differ", stacklevel=3)


def _control_line(control: Mapping[str, Any]) -> str:
    window = f"{control['start']:g}-{control['end']:g}"
    return f'"{control["condition"]}, weight: {control["strength"]:g}, guidance: {window}"'
