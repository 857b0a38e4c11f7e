"""The picture that a run starts from, as the page's JSON has it -> the fields of a Request, and back into the form."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from zeroconv.errors import UserError, nearest
from zeroconv.images import read_image
from zeroconv.serve.page.pictures import address_of, picture_of
from zeroconv.serve.settings import Limits

_OF_A_MASK = ("feather", "paste")
_KNOWN = ("image", "mask", "denoise", *_OF_A_MASK)
_UNSEEN = 128
"""Grey value below which a mask keeps the picture."""


def start_of(given: object, limits: Limits) -> dict[str, Any]:
    """{image, denoise} and with a mask {mask, feather, paste}, as Request takes them; {} where there is no picture.

    UserError for a picture that is not there yet, and for a mask in which nothing is painted.
    """
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise UserError("the starting picture must be an object")
    for key in given:
        if key not in _KNOWN:
            raise UserError(f"a starting picture has no field {key!r}; {nearest(str(key), _KNOWN)}")
    if given.get("image") is None:
        raise UserError("the starting picture is missing: give one, or remove it")
    found = {"image": picture_of(given["image"], limits, "the starting picture"), "denoise": given.get("denoise")}
    if given.get("mask") is None:
        return found
    mask = picture_of(given["mask"], limits, "the mask")
    if mask.convert("L").getextrema()[1] < _UNSEEN:  # type: ignore[operator]
        raise UserError("nothing is painted yet: paint what is to be made anew, or choose the whole picture")
    more = {name: given[name] for name in _OF_A_MASK if given.get(name) is not None}
    return {**found, "mask": mask, **more}


def restored_start(
    record: Mapping[str, Any], find: Callable[[Mapping[str, Any], str], Path | None]
) -> tuple[dict[str, Any] | None, tuple[str, ...]]:
    """What goes back into the form of a recorded run, and what is missing of it, in sentences without their ends.

    find: the file of a picture that a record names.
    """
    if not _has(record, "image"):
        return None, ()
    start = {name: record[name] for name in ("denoise", *_OF_A_MASK) if record.get(name) is not None}
    start["masked"] = _has(record, "mask")
    notes = []
    for name, of in (("image", "the starting picture"), ("mask", "the mask of the starting picture")):
        file = find(record, name) if _has(record, name) else None
        if file is not None:
            start[name] = address_of(read_image(file))
        elif _has(record, name):
            notes.append(f"{of} is not on this server; give it again")
    return start, tuple(notes)


def _has(record: Mapping[str, Any], name: str) -> bool:
    return bool(record.get(name) or record.get(f"{name}_sha256"))
