"""A control of a recorded run back into the form: a drawing onto its board, a pose as figures where they are known."""

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from PIL import Image

from zeroconv import conditions, fields
from zeroconv.conditions.pose_file import poses_json, poses_of
from zeroconv.errors import UserError
from zeroconv.images import read_image, read_metadata
from zeroconv.serve.jobs.inputs import POSES
from zeroconv.serve.page.catalogue import BOARDS, offered_options
from zeroconv.serve.page.pictures import address_of

Find = Callable[[Mapping[str, Any], str], Path | None]
"""The file of a picture that a record names, where it is on this server."""

_SETTINGS = ("condition", "checkpoint", "strength", "start", "end", "window", "schedule", "weights", "conditional_only")
_SAME_SHAPE = 0.02
"""Of two shapes that are taken for one: sizes are rounded to pixels."""


def restored_control(
    control: Mapping[str, Any], number: int, record: Mapping[str, Any], find: Find
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The control as the page's boards read it, and what of it is lost, in sentences without their ends.

    number: its place in the stack, from 1. With `drawn` its picture goes onto the board; with `poses` it is figures.
    """
    made = {name: control[name] for name in _SETTINGS if control.get(name) is not None}
    made |= {"ready": bool(control.get("ready")), "feather": control.get("feather") or 0}
    shown = {option.name for option in offered_options(control["condition"])}
    made["options"] = {name: value for name, value in (control.get("options") or {}).items() if name in shown}
    notes = list(_left_out(control, shown, number))
    if isinstance(made.get("strength"), list):
        made["strength"] = made["strength"][0]
        notes.append(f"control {number} had a strength for each picture; the first is set")
    for name, of in (("image", "picture"), ("mask", "region")):
        file = find(control, name) if control.get(name) or control.get(f"{name}_sha256") else None
        if file is not None:
            image = read_image(file)
            made[name] = address_of(image)
            if name == "image" and made["ready"]:
                made |= _board(control["condition"], file, image, record.get("size"))
        elif control.get(name) or name == "image":
            notes.append(f"the {of} of control {number} is not on this server; give it again")
    if control["condition"] == "pose" and made["ready"] and "image" in made and "poses" not in made:
        notes.append(f"the pose of control {number} is known as a picture only, so its joints cannot be moved")
    return made, tuple(notes)


def _left_out(control: Mapping[str, Any], shown: set[str], number: int) -> Iterator[str]:
    """Options that were chosen and are not the page's to choose, as files of networks."""
    extractor = conditions.kind(control["condition"]).extractor
    known = {} if extractor is None else {option.name: option.default for option in fields.options(extractor)}
    for name, value in (control.get("options") or {}).items():
        if name not in (*shown, "device") and value != known.get(name):
            yield f"the option {name} of control {number} is left out: it is the server's to choose"


def _board(condition: str, file: Path, image: Image.Image, size: object) -> dict[str, Any]:
    """How a ready image goes onto its board again: as figures, as a drawing of the run's shape, or not."""
    if BOARDS.get(condition) == "pose":
        return _figures(file)
    if BOARDS.get(condition) is None or not isinstance(size, list):
        return {}
    factors = image.width / size[0], image.height / size[1]
    return {"drawn": True} if min(factors) >= (1 - _SAME_SHAPE) * max(factors) else {}


def _figures(file: Path) -> dict[str, Any]:
    """The poses that a picture drawn here keeps, as OpenPose's JSON; none where it keeps none that can be read."""
    try:
        poses = poses_of(json.loads(read_metadata(file).get(POSES, "null")), file)
    except (ValueError, RecursionError, UserError):
        return {}
    if poses.canvas is None or not poses.persons:
        return {}
    return {"poses": json.loads(poses_json(poses.persons, poses.canvas))}
