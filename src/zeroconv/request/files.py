"""Names and files as records hold them: paths relative to the record's folder, built-in names as they are, hashes."""

import hashlib
import os
import warnings
from collections.abc import Callable, Mapping
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


NameOf = Callable[[object, Path], str | None]
"""How the name of a base, a ControlNet or a LoRA is written into a record: `portable_file` or `as_it_is`."""


def as_it_is(name: object, folder: Path) -> str | None:
    """In place of `portable_file` for names that are no paths, though a file may be called so."""
    return str(name) if isinstance(name, str | Path) else None


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


def found_or_copy(record: Mapping[str, object], name: str, copy: str, folder: Path) -> tuple[str | None, bool]:
    """The picture a record names, or where it is not there the copy beside the record; whether it is the copy.

    The copy is what the run made of it, at the run's size, so the run can be made again where the inputs are not.
    """
    file, beside = found(record.get(name), folder), plain_name(record.get(copy))
    if file is None or Path(file).is_file() or beside is None or not (folder / beside).is_file():
        return file, False
    warnings.warn(f"{file} is not there; {folder / beside}, which the run made of it, is used", stacklevel=4)
    return str(folder / beside), True


def warn_if_changed(record: Mapping[str, object], name: str, file: object) -> None:
    """Warns where the file that a record names is not the one whose hash was recorded."""
    path, before = Path(str(file)), record.get("sha256" if name == "file" else f"{name}_sha256")
    is_same_place = path.name == Path(str(record.get(name))).name
    if before and is_same_place and path.is_file() and sha256(path) != before:
        warnings.warn(f"{path} is not the file it was in the recorded run: the pictures will differ", stacklevel=4)
