"""Values that people write in requests: checked, in the type that is meant, or one sentence that says what is wrong."""

import math
import numbers

from zeroconv.errors import UserError


def set_field(record: object, name: str, value: object) -> None:
    """Normalises a field while a frozen record is made."""
    object.__setattr__(record, name, value)


def number(what: str, value: object) -> float:
    """A finite number, from a number or a text."""
    try:
        found = math.nan if isinstance(value, bool) else float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        found = math.nan
    if not math.isfinite(found):
        raise UserError(f"{what} must be a number, not {value!r}")
    return found


def number_or_list(what: str, value: object) -> float | tuple[float, ...]:
    """One number, or several: 0.5, (0, 0.5, 1), or written 0/0.5/1."""
    return number_list(what, value) if is_list(value) else number(what, value)


def number_list(what: str, value: object) -> tuple[float, ...]:
    """At least one number, from a sequence or a text with slashes."""
    items = value.split("/") if isinstance(value, str) else value
    if not isinstance(items, list | tuple) or not items:
        raise UserError(f"{what} must be numbers, as 0/0.5/1, not {value!r}")
    return tuple(number(f"each number of {what}", item) for item in items)


def is_list(value: object) -> bool:
    """Whether several numbers are meant."""
    return isinstance(value, list | tuple) or (isinstance(value, str) and "/" in value)


def whole(what: str, value: object, low: int, high: int) -> int:
    """A whole number within both bounds."""
    if isinstance(value, numbers.Integral) and not isinstance(value, bool) and low <= int(value) <= high:
        return int(value)
    raise UserError(f"{what} must be a whole number from {low} to {high}, not {value!r}")


def yes_or_no(what: str, value: object) -> bool:
    """A truth value, and nothing that merely counts as one."""
    if not isinstance(value, bool):
        raise UserError(f"{what} must be yes or no, not {value!r}")
    return value
