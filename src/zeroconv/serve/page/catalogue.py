"""What the page offers, as plain JSON for its boards: conditions with their options, bases, ControlNets, palettes."""

import types
import typing
from typing import Any

from zeroconv import conditions, fields
from zeroconv.conditions import ade20k
from zeroconv.fields import Option
from zeroconv.sampling import layer_weights
from zeroconv.sampling.timing import SCHEDULES, Window
from zeroconv.scenes.vocabulary import CLASSES, PALETTE
from zeroconv.serve.models import Models
from zeroconv.serve.page.ranges import range_of
from zeroconv.serve.settings import Settings

TITLES = {
    "canny": "Canny edges",
    "hough": "Straight lines",
    "hed": "Soft edges",
    "scribble": "Scribble",
    "pose": "Pose",
    "segmentation": "Segmentation",
    "depth": "Depth",
    "normal": "Normals",
    "lineart": "Line art",
    "custom": "Custom",
    "blur": "Blur",
    "grey": "Grey values",
    "inpaint": "Inpainting",
    "shuffle": "Shuffle",
    "tile": "Tile",
}
"""How people name the conditions; one that is registered from elsewhere has its own name."""

BOARDS = {
    "canny": "lines",
    "hough": "lines",
    "hed": "lines",
    "scribble": "lines",
    "lineart": "lines",
    "pose": "pose",
    "segmentation": "segments",
    "depth": "shades",
}
"""What a condition is drawn on; the others come from a photo or are given ready."""


def catalogue(models: Models, settings: Settings) -> dict[str, Any]:
    """All of it."""
    return {
        "conditions": {name: _condition(name) for name in conditions.names()},
        "bases": {
            name: {
                "family": info.family,
                "native": info.native_size,
                "multiple": info.multiple,
                "palette": _palette_name(info.family),
            }
            for name, info in models.bases().items()
        },
        "base": models.default_base,
        "controlnets": {
            name: {"family": info.family, "condition": info.condition, "options": _trained_with(models, name)}
            for name, info in models.controlnets().items()
        },
        "loras": {name: {"bases": list(info.bases)} for name, info in models.loras().items()},
        "mostLoras": settings.limits.loras,
        "palettes": {
            "scenes": _palette(CLASSES, PALETTE.tolist()),
            "ade20k": _palette(ade20k.NAMES, _ade20k_colours()),
        },
        "weights": list(layer_weights.SCHEDULES),
        "schedules": list(SCHEDULES),
        "windows": list(typing.get_args(Window)),
        "most": settings.limits.controls,
        "pixels": settings.limits.pixels,
    }


def offered_options(condition: str) -> tuple[Option, ...]:
    """The options that a page may set: numbers, choices and switches; none that names a file, a network or a device."""
    extractor = conditions.kind(condition).extractor
    found = fields.options(extractor) if extractor else ()
    return tuple(option for option in found if option.name != "device" and _kind(option) is not None)


def _condition(name: str) -> dict[str, Any]:
    kind = conditions.kind(name)
    return {
        "title": TITLES.get(name, name),
        "about": kind.polarity,
        "board": BOARDS.get(name),
        "photo": kind.extractor is not None,
        "options": [_option(name, option) for option in offered_options(name)],
    }


def _option(condition: str, option: Option) -> dict[str, Any]:
    kind = _kind(option)
    label = option.name.replace("_", " ").capitalize()
    about = {"name": option.name, "label": label, "help": option.help, "kind": kind, "default": option.default}
    if kind == "choice":
        return {**about, "choices": list(typing.get_args(option.annotation))}
    if kind == "number":
        reach = range_of(condition, option.name, option.default or 0)
        default = reach.low if option.default is None else option.default
        return {**about, "default": default, "low": reach.low, "high": reach.high, "step": reach.step}
    return about


def _kind(option: Option) -> str | None:
    """choice, yes or number; None for texts, which would name files or networks."""
    kinds = _members(option.annotation)
    if typing.get_origin(option.annotation) is typing.Literal:
        return "choice"
    if bool in kinds:
        return "yes"
    return "number" if {int, float} & set(kinds) else None


def _members(annotation: Any) -> tuple[Any, ...]:
    is_union = typing.get_origin(annotation) in (typing.Union, types.UnionType)
    return typing.get_args(annotation) if is_union else (annotation,)


def _trained_with(models: Models, name: str) -> dict[str, Any]:
    """The options of its condition that a ControlNet was trained with, of those that the page shows."""
    condition = models.controlnets()[name].condition
    if condition not in conditions.names():
        return {}
    shown = {option.name for option in offered_options(condition)}
    trained = models.sidecar(name).condition_options
    return {option: value for option, value in trained.items() if option in shown}


def _palette_name(family: str) -> str:
    """Whose colours a base's segmentation ControlNet was trained on."""
    return "scenes" if family == "tiny" else "ade20k"


def _palette(names: tuple[str, ...], colours: list[list[int]]) -> list[tuple[str, str]]:
    """Each name with its colour as #rrggbb; of two classes with one colour the first."""
    found: dict[str, str] = {}
    for name, colour in zip(names, colours, strict=True):
        found.setdefault("#{:02x}{:02x}{:02x}".format(*colour), name)
    return [(name, colour) for colour, name in found.items()]


def _ade20k_colours() -> list[list[int]]:
    return [list(map(int, colour)) for colour in ade20k.PALETTE]
