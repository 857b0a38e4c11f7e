"""What the commands of evaluation share: the folder they write to, and their progress bars."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TypeVar

from zeroconv.errors import UserError
from zeroconv.progress import progress_bar

T = TypeVar("T")


def make_folder(folder: Path) -> None:
    """Before minutes of work, not after them. UserError where it cannot be written."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"--out must be a folder that can be written, got {folder} ({error.strerror})") from error


def bar(items: Sequence[T], what: str) -> Iterable[T]:
    """The items, with a bar that shows how far `what` has come."""
    return progress_bar(items, desc=what)
