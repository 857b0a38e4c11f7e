"""run.json and the metadata of our pictures: everything needed to make a run again, in a numbered schema.

Paths are written relative to the folder of the file that holds them, so that a run can move with its inputs. What was
asked is at the top level under the names of `Request`; what came of it (hashes, versions, timings, outputs) beside
it. Reading takes a request that a person wrote as well as a record that we wrote.
"""

import json
import platform
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from zeroconv.errors import UserError, nearest
from zeroconv.images import read_metadata
from zeroconv.request.control_record import (
    control_from_json,
    control_line,
    control_to_json,
    for_picture,
    hashes,
    warn_of_changes,
)
from zeroconv.request.files import (
    NameOf,
    file_sha256,
    found,
    found_or_copy,
    plain_name,
    portable_file,
    warn_if_changed,
)
from zeroconv.request.lora import Lora
from zeroconv.request.request import Request

SCHEMA = 1
_ASKED = (
    *("prompt", "negative", "steps", "guidance", "seeds", "size", "scheduler", "fit"),
    *("paste", "feather", "denoise", "prompt_mode", "speed"),
)
_PICTURES = ("image", "mask")
_PICTURES_CAME = ("image_sha256", "mask_sha256", "image_copy", "mask_copy")
_RUN = ("base", "dtype")
_CAME_OF_IT = ("zeroconv", "device", "versions", "timings", "outputs", "created")
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
    """The number type that was in force in the run that is made again."""
    checkpoint_hashes: tuple[str | None, ...] = ()
    """sha256 of each control's ControlNet in the run that is made again."""


def to_json(request: Request, folder: Path, name_of: NameOf = portable_file) -> dict[str, Any]:
    """The request as plain JSON values, paths relative to `folder`; name_of: how ControlNets and LoRAs are written."""
    asked = {name: getattr(request, name) for name in _ASKED}
    asked |= {name: list(value) for name, value in asked.items() if isinstance(value, tuple)}
    asked["loras"] = [{"file": name_of(lora.file, folder), "strength": lora.strength} for lora in request.loras]
    asked |= {name: portable_file(getattr(request, name), folder) for name in _PICTURES}
    controls = [control_to_json(control, folder, name_of) for control in request.controls]
    return {"schema": SCHEMA, **asked, "controls": controls}


def from_json(record: object, folder: Path, *, of: str) -> Asked:
    """A request or run record as read from JSON; relative paths lie below `folder`. UserError names the field."""
    if not isinstance(record, dict):
        raise UserError(f"{of}: expected a JSON object with the fields of run.json")
    _check_schema(record, of)
    _check_keys(record, ("schema", "controls", "loras", *_ASKED, *_PICTURES, *_PICTURES_CAME, *_RUN, *_CAME_OF_IT), of)
    if "prompt" not in record:
        raise UserError(f"{of} has no prompt")
    controls = [] if record.get("controls") is None else record["controls"]
    if not isinstance(controls, list) or not all(isinstance(control, dict) for control in controls):
        raise UserError(f"{of}: controls must be a list of objects")
    values = {name: record[name] for name in _ASKED if record.get(name) is not None}
    base = record.get("base")
    named = base if isinstance(base, dict) else {"name": base}
    try:
        values |= {name: found_or_copy(record, name, f"{name}_copy", folder)[0] for name in _PICTURES}
        parsed = [control_from_json(control, folder) for control in controls]
        return Asked(
            Request(**values, controls=tuple(parsed), loras=_loras(record.get("loras"), folder)),
            base=found(named.get("name"), folder),
            fingerprint=plain_name(named.get("fingerprint")),
            tokenizer=found(named.get("tokenizer"), folder),
            prediction=plain_name(named.get("prediction")),
            dtype=plain_name(record.get("dtype")),
            checkpoint_hashes=tuple(plain_name(control.get("checkpoint_sha256")) for control in controls),
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
    lora_hash: Callable[[object], str | None] = file_sha256,
    name_of: NameOf = portable_file,
) -> dict[str, Any]:
    """The request with the hashes and versions it was made with: what goes into each picture.

    base         name, fingerprint, family, prediction and the tokenizer's folder if one was named; paths are written
                 relative to `folder`
    checkpoints  sha256 of each ControlNet by the name the request has for it
    images       the condition images' file names, one per control
    lora_hash    the sha256 of a LoRA by the name the request has for it
    name_of      how names of bases, ControlNets and LoRAs are written
    """
    record = to_json(request, folder, name_of)
    for lora, asked_lora in zip(record["loras"], request.loras, strict=True):
        lora["sha256"] = lora_hash(asked_lora.file)
    record |= {f"{name}_sha256": file_sha256(getattr(request, name)) for name in _PICTURES}
    paths = {name: name_of(base[name], folder) for name in ("name", "tokenizer") if name in base}
    record["base"] = {**base, **paths}
    for control, asked, image in zip(record["controls"], request.controls, images, strict=True):
        control |= hashes(asked)
        control["checkpoint_sha256"] = checkpoints.get(str(asked.checkpoint))
        control["condition_image"] = image
    record["versions"] = versions()
    return record


def picture_metadata(record: Mapping[str, Any], index: int) -> dict[str, str]:
    """The text chunks of picture `index` of a run: the request for it alone, as JSON and to be read."""
    alone = alone_record(record, index)
    return {"zeroconv": json.dumps(alone), "parameters": parameters(alone)}


def alone_record(record: Mapping[str, Any], index: int) -> dict[str, Any]:
    """The record of a run of which picture `index` is the only one."""
    controls = [for_picture(control, index) for control in record["controls"]]
    texts = {name: record[name] for name in ("prompt", "negative")}
    own = {name: text if isinstance(text, str) else text[index] for name, text in texts.items()}
    return {**record, **own, "seeds": [record["seeds"][index]], "controls": controls}


def is_same_picture(metadata: Mapping[str, str], record: Mapping[str, Any], index: int) -> bool:
    """Whether a picture's text chunks say that it is picture `index` of this run, made anywhere with any versions."""
    try:
        made = json.loads(metadata.get("zeroconv", "null"))
    except json.JSONDecodeError:
        return False
    asked = json.loads(json.dumps(alone_record(record, index)))
    return isinstance(made, dict) and all(made.get(key) == asked[key] for key in asked if key not in _CAME_OF_IT)


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
        **({} if record["speed"] == "exact" else {"Speed": record["speed"]}),
        **{f"ControlNet {index}": control_line(control) for index, control in enumerate(record["controls"])},
        "Version": f"zeroconv {record['versions']['zeroconv']}",
    }
    lines = [record["prompt"], *([f"Negative prompt: {record['negative']}"] if record["negative"] else [])]
    return "\n".join([*lines, ", ".join(f"{name}: {value}" for name, value in settings.items())])


def versions() -> dict[str, str]:
    """The versions of what the numbers depend on."""
    found = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:  # an OpenCV of another name, or a source tree that is not installed
            continue
    return found


def _loras(loras: object, folder: Path) -> tuple[Lora, ...]:
    if not isinstance(loras or [], list) or not all(isinstance(lora, dict) for lora in loras or ()):  # type: ignore[attr-defined]
        raise UserError("loras must be a list of objects with a file and a strength")
    given: list[dict[str, Any]] = loras or []  # type: ignore[assignment]
    for lora in given:
        _check_keys(lora, ("file", "strength", "sha256"), "a LoRA")
    return tuple(Lora(found(lora.get("file"), folder) or "", lora.get("strength", 1.0)) for lora in given)


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
    for name in _PICTURES:
        warn_if_changed(record, name, getattr(request, name))
    for lora, asked_lora in zip(record.get("loras") or [], request.loras, strict=True):
        warn_if_changed(lora, "file", asked_lora.file)
    for control, asked in zip(record.get("controls") or [], request.controls, strict=True):
        warn_of_changes(control, asked)
