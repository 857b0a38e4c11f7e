"""Names and files as records hold them: paths relative to the record's folder, built-in names as they are, hashes."""

import hashlib
import os
import warnings
from pathlib import Path

from zeroconv import weights
from zeroconv.base import BUILT_IN
from zeroconv.errors import UserError

BUILT_IN_NAMES = (*BUILT_IN, *weights.BUILT_IN)


def portable(name: str, folder: Path) -> str:
    """A path that exists, relative to `folder` with forward slashes; any other name (built-in, hub id) as it is."""
    if name in BUILT_IN_NAMES or not Path(name).exists():
        return name
    try:
        return Path(os.path.relpath(name, folder)).as_posix()
    except ValueError:  # another drive
        return Path(name).absolute().as_posix()


def portable_file(file: object, folder: Path) -> str | None:
    """The portable name of a file; None for what has none, as a picture in memory."""
    return portable(str(file), folder) if isinstance(file, str | Path) else None


def found(name: object, folder: Path) -> str | None:
    """A name from a file: what lies below the file's folder, else as it stands."""
    name = plain_name(name)
    is_path = bool(name) and name not in BUILT_IN_NAMES and (folder / str(name)).exists()
    return str(folder / str(name)) if is_path else name


def plain_name(name: object) -> str | None:
    """A name or nothing; UserError for anything else."""
    if name is None or isinstance(name, str):
        return name
    raise UserError(f"expected a name or a path, got {name!r}")


def sha256(path: Path) -> str:
    """The hash of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def file_sha256(file: object) -> str | None:
    """The hash of a file by its name; None for a picture in memory, or for none."""
    return sha256(Path(file)) if isinstance(file, str | Path) else None


def warn_if_changed(file: object, before: object) -> None:
    """Warns where a file is not the one whose hash was recorded."""
    path = Path(str(file))
    if before and path.is_file() and sha256(path) != before:
        warnings.warn(f"{path} is not the file it was in the recorded run: the pictures will differ", stacklevel=4)
