"""A frozen dataclass as a set of options: the sentence under a field is its help, the annotation its type.

Conditions and the training configuration declare their options once, as fields; flags, records and forms are made
from them here.
"""

import ast
import dataclasses
import functools
import inspect
import itertools
import math
import textwrap
import types
import typing
from typing import Any

from zeroconv.errors import UserError, nearest

_WORDS = {"yes": True, "true": True, "on": True, "1": True, "no": False, "false": False, "off": False, "0": False}


@dataclasses.dataclass(frozen=True)
class Option:
    """One field of a dataclass as people meet it."""

    name: str
    annotation: Any
    default: Any
    """dataclasses.MISSING for a required field."""
    help: str


@functools.cache
def options(record: type) -> tuple[Option, ...]:
    """The fields of a dataclass that its constructor takes, in order."""
    annotations, documented = typing.get_type_hints(record), documentation(record)
    return tuple(
        Option(field.name, annotations[field.name], _default(field), documented.get(field.name, ""))
        for field in dataclasses.fields(record)
        if field.init
    )


@functools.cache
def documentation(record: type) -> dict[str, str]:
    """Field name -> the string literal that stands under it, on one line."""
    documented: dict[str, str] = {}
    for ancestor in reversed([base for base in record.__mro__ if dataclasses.is_dataclass(base)]):
        try:
            tree = ast.parse(textwrap.dedent(inspect.getsource(ancestor)))
        except (OSError, TypeError, SyntaxError):  # no source at hand: options without help
            continue
        body = typing.cast(ast.ClassDef, tree.body[0]).body
        for field, below in itertools.pairwise(body):
            if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and _is_text(below):
                text = typing.cast(str, ast.literal_eval(typing.cast(ast.Expr, below).value))
                documented[field.target.id] = " ".join(text.split())
    return documented


def parse(option: Option, value: object, *, of: str) -> Any:
    """`value`, as typed by a person or read from JSON, in the field's type; UserError names the option of `of`."""
    kinds = [kind for kind in _members(option.annotation) if kind is not type(None)]
    if value is None and len(kinds) < len(_members(option.annotation)):
        return None
    for kind in kinds:
        try:
            return _as_kind(kind, value)
        except ValueError:
            continue
    expected = " or ".join(_describe(kind) for kind in kinds)
    raise UserError(f"{of}: {option.name} must be {expected}, not {value!r}")


def build(record: type, values: dict[str, Any], *, of: str) -> Any:
    """An instance of the dataclass from texts or JSON values; UserError for unknown or unfitting options."""
    known = {option.name: option for option in options(record)}
    for name in values:
        if name not in known:
            raise UserError(f"{of} has no option {name!r}; {nearest(name, known)}")
    return record(**{name: parse(known[name], value, of=of) for name, value in values.items()})


def parse_bool(value: object) -> bool:
    """yes, true, on, 1 and their opposites; ValueError for anything else."""
    if isinstance(value, bool):
        return value
    if str(value).lower() in _WORDS:
        return _WORDS[str(value).lower()]
    raise ValueError(f"neither yes nor no: {value!r}")


def _default(field: "dataclasses.Field[Any]") -> Any:
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    return field.default


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def _members(annotation: Any) -> tuple[Any, ...]:
    """int | None -> (int, NoneType); anything else is its own single member."""
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        return typing.get_args(annotation)
    return (annotation,)


def _as_kind(kind: Any, value: object) -> Any:
    if typing.get_origin(kind) is typing.Literal:
        return _as_choice(typing.get_args(kind), value)
    if kind is bool:
        return parse_bool(value)
    if isinstance(value, bool):
        raise ValueError("a truth value is no number")
    if kind is int and isinstance(value, str | int | float):
        return _as_int(value)
    if kind is float and isinstance(value, str | int | float):
        return _as_float(value)
    if kind is str and isinstance(value, str):
        return value
    raise ValueError(f"not {_describe(kind)}")


def _as_choice(choices: tuple[Any, ...], value: object) -> Any:
    for choice in choices:
        if value == choice or str(value) == str(choice):
            return choice
    raise ValueError("not among the choices")


def _as_int(value: str | int | float) -> int:
    if isinstance(value, float) and not value.is_integer():
        raise ValueError("not whole")
    return int(value)


def _as_float(value: str | int | float) -> float:
    number = float(value)
    if not math.isfinite(number):
        raise ValueError("not finite")
    return number


def _describe(kind: Any) -> str:
    if typing.get_origin(kind) is typing.Literal:
        return "one of " + ", ".join(map(str, typing.get_args(kind)))
    named = {int: "a whole number", float: "a number", bool: "yes or no", str: "text"}
    return named.get(kind, str(kind))
