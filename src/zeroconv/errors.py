"""What a user can get wrong, said in one sentence: what was expected, what came, the nearest valid choice."""

from collections.abc import Iterable
from difflib import get_close_matches


class UserError(ValueError):
    """A mistake in what was asked for, not in the program: the command line prints it and exits with code 2."""


class PictureError(UserError):
    """What makes one picture useless while others may serve: where there are many it is reported and left out."""


def is_out_of_memory(error: BaseException) -> bool:
    """Whether torch or Python ran out of memory; on a CPU torch says so with a plain RuntimeError."""
    signs = ("out of memory", "can't allocate memory", "not enough memory")
    is_torch = isinstance(error, RuntimeError) and any(sign in str(error).lower() for sign in signs)
    return is_torch or isinstance(error, MemoryError)


def nearest(name: str, choices: Iterable[str]) -> str:
    """A clause that names the valid choices and, where one is close to `name`, which was probably meant."""
    known = sorted(choices)
    close = get_close_matches(name.lower(), known, n=1, cutoff=0.5)
    hint = f"did you mean {close[0]!r}? " if close else ""
    return f"{hint}known: {', '.join(known)}"
