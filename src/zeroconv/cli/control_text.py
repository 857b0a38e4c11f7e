"""`canny=photo.jpg,strength=0.8,low=50`: how a control is written on the command line."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from zeroconv import conditions, fields
from zeroconv.errors import UserError, nearest
from zeroconv.request import ControlRequest

_KEYS = ("ready", "strength", "start", "end", "checkpoint")


def parse_control(text: str) -> ControlRequest:
    """NAME=IMAGE[,key=value...] -> the control; UserError says what part of it is wrong."""
    name, equals, rest = text.partition("=")
    if not equals or not rest:
        raise UserError(f"a control is written NAME=IMAGE[,key=value...], as canny=photo.jpg; got {text!r}")
    kind = conditions.kind(name)
    image, pairs = _split(rest)
    given: dict[str, Any] = {}
    own = [option.name for option in fields.options(kind.extractor)] if kind.extractor else []
    for key, value in pairs:
        if key not in (*_KEYS, *own):
            raise UserError(f"a {kind.name} control has no key {key!r}; {nearest(key, (*_KEYS, *own))}")
        if key in given:
            raise UserError(f"the {kind.name} control has {key} twice")
        given[key] = value
    options = {key: value for key, value in given.items() if key in own}
    settings = {key: value for key, value in given.items() if key not in own}
    if "ready" in settings:
        settings["ready"] = _yes_or_no(settings["ready"])
    return ControlRequest(kind.name, image, options=options, **settings)


def _split(rest: str) -> tuple[str, list[tuple[str, str]]]:
    """The image and the key=value pairs; a comma in a file's name splits nothing."""
    if Path(rest).is_file():
        return rest, []
    image, *pairs = re.split(r",(?=[A-Za-z_-]+=)", rest)
    return image, list(_pairs(pairs))


def _pairs(texts: list[str]) -> Iterator[tuple[str, str]]:
    for text in texts:
        key, _, value = text.partition("=")
        yield key.strip().lower().replace("-", "_"), value.strip()


def _yes_or_no(value: str) -> bool:
    try:
        return fields.parse_bool(value)
    except ValueError as error:
        raise UserError(f"ready must be yes or no, not {value!r}") from error
