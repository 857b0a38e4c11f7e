"""An argument parser that raises UserError in one sentence and names the nearest valid choice, and the flag types."""

import argparse
import math
import re
from pathlib import Path
from typing import Any, NoReturn

from zeroconv.errors import UserError, nearest

_WORD = r"[^\s,']+"


class Parser(argparse.ArgumentParser):
    """argparse without abbreviations, whose help keeps its line breaks and whose errors are UserErrors."""

    def __init__(self, *args: Any, **options: Any) -> None:
        options = {"allow_abbrev": False, "formatter_class": argparse.RawDescriptionHelpFormatter, **options}
        super().__init__(*args, **options)

    def error(self, message: str) -> NoReturn:
        """Raises UserError instead of printing the usage and leaving."""
        choice = re.search(r"(.*)invalid choice: '?(.*?)'? \(choose from (.*)\)", message)
        if choice:
            what, given, known = choice.groups()
            message = f"{what}unknown {given!r}; {nearest(given, re.findall(_WORD, known))}"
        raise UserError(f"{message} (`{self.prog} --help` explains)")


def nearest_flag(unknown: str, parser: argparse.ArgumentParser) -> str:
    """The clause that names the flag that was probably meant."""
    flags = sorted(set(re.findall(r"(?<![\w-])--[a-z][\w-]*", parser.format_help())))
    return nearest(unknown.split("=")[0], flags)


def whole(text: str) -> int:
    """A whole number."""
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected a whole number, got {text!r}") from None


def whole_numbers(text: str) -> tuple[int, ...]:
    """7 -> (7,); 7/7/9 -> (7, 7, 9)."""
    return tuple(whole(part) for part in text.split("/"))


def number(text: str) -> float:
    """A finite number."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise argparse.ArgumentTypeError(f"expected a number, got {text!r}")
    return value


def width_by_height(text: str) -> tuple[int, int]:
    """512x768 -> (512, 768); one number stands for a square."""
    match = re.fullmatch(r"(\d+)(?:[xX*](\d+))?", text.strip())
    if not match:
        raise argparse.ArgumentTypeError(f"expected WIDTHxHEIGHT in pixels, as 512x768, got {text!r}")
    return int(match[1]), int(match[2] or match[1])


def some_path(text: str) -> Path:
    """A path that is not empty."""
    if not text:
        raise argparse.ArgumentTypeError("expected a path, got nothing")
    return Path(text)
