"""A control in run.json: every setting of ControlRequest under its own name, and what came of it beside them."""

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from zeroconv.errors import UserError, nearest
from zeroconv.request.control import ControlRequest
from zeroconv.request.files import NameOf, file_sha256, found, found_or_copy, portable_file, warn_if_changed

_PICTURES = ("image", "mask")
_FILES = (*_PICTURES, "checkpoint")
_SETTINGS = tuple(field.name for field in fields(ControlRequest) if field.name not in ("name", "options", *_FILES))
_KNOWN = ("condition", *_FILES, *_SETTINGS, "options")
_CAME_OF_IT = ("image_sha256", "mask_sha256", "checkpoint_sha256", "condition_image", "mask_copy")


def control_to_json(control: ControlRequest, folder: Path, name_of: NameOf = portable_file) -> dict[str, Any]:
    """The control as plain JSON values, paths relative to `folder`; name_of: how its ControlNet's name is written."""
    settings = {name: getattr(control, name) for name in _SETTINGS}
    files = {name: portable_file(getattr(control, name), folder) for name in _PICTURES}
    files["checkpoint"] = name_of(control.checkpoint, folder)
    return {
        "condition": control.name,
        **files,
        **{name: list(value) if isinstance(value, tuple) else value for name, value in settings.items()},
        "options": dict(control.options),
    }


def control_from_json(control: Mapping[str, Any], folder: Path) -> ControlRequest:
    """The control of a record or of a request that a person wrote; relative paths lie below `folder`."""
    for key in control:
        if key not in (*_KNOWN, *_CAME_OF_IT):
            raise UserError(f"a control has an unknown field {key!r}; {nearest(key, (*_KNOWN, *_CAME_OF_IT))}")
    if not isinstance(control.get("condition"), str) or not isinstance(control.get("image"), str):
        raise UserError("a control needs a condition and an image")
    options = control.get("options") or {}
    if not isinstance(options, dict):
        raise UserError("a control's options must be an object")
    given = {name: control[name] for name in _SETTINGS if control.get(name) is not None}
    image, is_condition = found_or_copy(control, "image", "condition_image", folder)
    mask, is_fitted = found_or_copy(control, "mask", "mask_copy", folder)
    given |= {"ready": True} if is_condition else {"options": options}
    given |= {"feather": 0.0} if is_fitted else {}
    checkpoint = found(control.get("checkpoint"), folder)
    return ControlRequest(control["condition"], image or "", mask=mask, checkpoint=checkpoint, **given)


def hashes(control: ControlRequest) -> dict[str, str | None]:
    """What the pictures this control reads are, exactly."""
    return {"image_sha256": file_sha256(control.image), "mask_sha256": file_sha256(control.mask)}


def warn_of_changes(control: Mapping[str, Any], asked: ControlRequest) -> None:
    """Warns where a picture this control reads is not what it was in the recorded run."""
    warn_if_changed(control, "image", asked.image)
    warn_if_changed(control, "mask", asked.mask)


def for_picture(control: Mapping[str, Any], index: int) -> dict[str, Any]:
    """The control of one picture of a recorded run: of several strengths, its own."""
    strength = control["strength"]
    return {**control, "strength": strength[index] if isinstance(strength, list) else strength}


def control_line(control: Mapping[str, Any]) -> str:
    """The control in the line that many programs show."""
    window = f"{control['start']:g}-{control['end']:g}"
    return f'"{control["condition"]}, weight: {control["strength"]:g}, guidance: {window}"'
