"""`canny=photo.jpg,strength=0.8,low=50`: how a control is written on the command line."""

import re
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from zeroconv import conditions, fields
from zeroconv.errors import UserError, nearest
from zeroconv.request.control import ControlRequest
from zeroconv.sampling.layer_weights import GUESS_MODE

_MEANINGS = {
    name: meaning
    for name, meaning in fields.documentation(ControlRequest).items()
    if name not in ("name", "image", "options")
} | {"guess": "guess=yes stands for weights=logspace,conditional_only=yes: diffusers' guess_mode."}
_KEYS = tuple(_MEANINGS)
_YES_OR_NO = ("ready", "conditional_only", "guess")


def control_keys() -> str:
    """Every key of a control with its meaning, for the help."""
    lines = [textwrap.wrap(meaning, 96, initial_indent=f"  {key:<17} ") for key, meaning in _MEANINGS.items()]
    return "\n".join("\n".join([first, *(f"{'':20}{more}" for more in rest)]) for first, *rest in lines)


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
    settings |= {key: _yes_or_no(key, settings[key]) for key in _YES_OR_NO if key in settings}
    if settings.pop("guess", False):
        settings = {**settings, **_guess_mode(settings)}
    return ControlRequest(kind.name, image, options=options, **settings)


def _guess_mode(settings: dict[str, Any]) -> dict[str, Any]:
    for key in GUESS_MODE:
        if key in settings:
            raise UserError(f"guess=yes sets {key} itself; leave one of them out")
    return GUESS_MODE


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


def _yes_or_no(key: str, value: str) -> bool:
    try:
        return fields.parse_bool(value)
    except ValueError as error:
        raise UserError(f"{key} must be yes or no, not {value!r}") from error
