"""How a prompt is asked to be read."""

from importlib.util import find_spec
from typing import Any, Literal, get_args

from zeroconv.errors import UserError, nearest

PromptMode = Literal["plain", "long", "weighted"]


def check_prompt_mode(mode: object) -> PromptMode:
    """plain, long or weighted; UserError for anything else, or for weighted without compel."""
    if mode not in get_args(PromptMode):
        raise UserError(f"unknown prompt mode {mode!r}; {nearest(str(mode), get_args(PromptMode))}")
    if mode == "weighted":
        compel_library()
    return mode  # type: ignore[return-value]


def prompt_modes() -> tuple[PromptMode, ...]:
    """Those that work here: weighted where compel is installed."""
    return tuple(mode for mode in get_args(PromptMode) if mode != "weighted" or find_spec("compel") is not None)


def compel_library() -> Any:
    """The package compel; UserError where it is absent."""
    try:
        import compel
    except ImportError as error:
        raise UserError("the prompt mode weighted needs the package compel: pip install 'zeroconv[prompts]'") from error
    return compel
