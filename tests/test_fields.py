"""A dataclass as options: help from the strings under its fields, values from texts."""

from dataclasses import dataclass, field
from typing import Literal

import pytest

from zeroconv import fields
from zeroconv.errors import UserError


@dataclass(frozen=True)
class Settings:
    """Some settings."""

    needed: int
    """A whole
    number."""
    rate: float = 0.5
    """A rate."""
    is_on: bool = False
    mode: Literal["fast", "slow"] = "fast"
    """A mode."""
    limit: int | None = None
    names: tuple[str, ...] = field(default=(), init=False)


@dataclass(frozen=True)
class MoreSettings(Settings):
    rate: float = 0.25
    """Another rate."""


def test_help_stands_under_the_field() -> None:
    assert fields.documentation(Settings) == {"needed": "A whole number.", "rate": "A rate.", "mode": "A mode."}
    assert fields.documentation(MoreSettings) == {**fields.documentation(Settings), "rate": "Another rate."}


def test_options_are_what_the_constructor_takes() -> None:
    names = [option.name for option in fields.options(Settings)]
    assert names == ["needed", "rate", "is_on", "mode", "limit"]


def test_build_from_texts() -> None:
    texts = {"needed": "3", "rate": "1e-5", "is_on": "yes", "mode": "slow", "limit": "7"}
    assert fields.build(Settings, texts, of="settings") == Settings(3, 1e-5, True, "slow", 7)


def test_build_from_json_values() -> None:
    values = {"needed": 3.0, "rate": 1, "is_on": False, "limit": None}
    built = fields.build(Settings, values, of="settings")
    assert built == Settings(3, 1.0, False, "fast", None)
    assert isinstance(built.needed, int) and isinstance(built.rate, float)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("needed", "3.5", "needed must be a whole number, not '3.5'"),
        ("needed", True, "needed must be a whole number, not True"),
        ("needed", None, "needed must be a whole number, not None"),
        ("rate", "fast", "rate must be a number, not 'fast'"),
        ("rate", "nan", "rate must be a number"),
        ("is_on", "maybe", "is_on must be yes or no, not 'maybe'"),
        ("mode", "quick", "mode must be one of fast, slow, not 'quick'"),
        ("rat", "1", "settings has no option 'rat'; did you mean 'rate'"),
    ],
)
def test_wrong_values_are_named(name: str, value: object, message: str) -> None:
    with pytest.raises(UserError, match=message):
        fields.build(Settings, {"needed": 1, name: value}, of="settings")
