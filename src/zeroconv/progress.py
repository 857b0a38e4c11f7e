"""Progress bars of all commands: live on a terminal, a line now and then where the output goes to a file."""

import sys
from collections.abc import Iterable
from typing import Any

from tqdm import tqdm

SECONDS_IN_FILES = 20.0


def progress_bar(items: Iterable[Any] | None = None, **settings: Any) -> "tqdm[Any]":
    """tqdm on standard error, over `items` or moved by hand; `settings` are tqdm's own."""
    is_terminal = sys.stderr.isatty()
    seconds = 0.1 if is_terminal else SECONDS_IN_FILES
    return tqdm(items, dynamic_ncols=is_terminal, mininterval=seconds, **settings)
