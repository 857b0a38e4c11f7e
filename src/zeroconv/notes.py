"""What a user should know though nothing is wrong: a warning, or a sentence for whoever keeps notes meanwhile."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_LIST: ContextVar[list[str] | None] = ContextVar("notes", default=None)


def note(sentence: str, *, stacklevel: int = 1) -> None:
    """Warns with the sentence; within `kept` it goes to the list instead. stacklevel: as `warnings.warn` has it."""
    found = _LIST.get()
    if found is None:
        warnings.warn(sentence, stacklevel=stacklevel + 1)
    else:
        found.append(sentence)


@contextmanager
def kept() -> Iterator[list[str]]:
    """The notes of this thread meanwhile, in order; other threads' are not among them."""
    found: list[str] = []
    token = _LIST.set(found)
    try:
        yield found
    finally:
        _LIST.reset(token)
