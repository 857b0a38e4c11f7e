"""The pictures of a study: read from one folder a method, and embedded so that nothing tells where they came from."""

import base64
import hashlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from PIL import Image

from zeroconv.errors import UserError
from zeroconv.images import contained, picture_size, read_image

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff")
JPEG_QUALITY = 95  # without colour subsampling: differences of single grey values

Format = Literal["png", "jpeg"]


@dataclass(frozen=True)
class Encoding:
    """How every picture is written into the page: all alike, whatever their files were."""

    format: Format = "png"
    size: int | None = None
    """Longest side in pixels to which all are brought; None: as they are."""

    def data(self, path: Path) -> str:
        """The picture of a file as a data URI, freed of its metadata. PictureError for what is no picture."""
        image = read_image(path)
        if self.size is not None and max(image.size) != self.size:
            image = image.resize(contained(image.size, (self.size, self.size)), Image.Resampling.LANCZOS)
        image.info.clear()
        content = io.BytesIO()
        image.save(content, self.format.upper(), quality=JPEG_QUALITY, subsampling=0, optimize=True)
        return f"data:image/{self.format};base64,{base64.b64encode(content.getvalue()).decode()}"


def pictures_of(folder: Path) -> dict[str, Path]:
    """Name without suffix -> file, sorted; of a run of `zeroconv generate` the pictures, not sheet and controls.

    UserError where it is no folder, holds no picture or two of one name.
    """
    if not folder.is_dir():
        raise UserError(f"{folder} is no folder; expected a folder of pictures")
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() not in SUFFIXES or path.name.startswith(".") or is_by_product(path):
            continue
        if path.stem in found:
            raise UserError(f"{folder} holds {found[path.stem].name} and {path.name}; expected one picture a name")
        found[path.stem] = path
    if not found:
        raise UserError(f"{folder} holds no picture (expected {', '.join(SUFFIXES)})")
    return found


def is_by_product(path: Path) -> bool:
    """Whether a picture in the folder of a run of `zeroconv generate` is its sheet or one of its condition images."""
    is_other = path.stem == "sheet" or path.stem.startswith("control-")
    return is_other and (path.parent / "run.json").is_file()


def shared_names(folders: Mapping[str, Mapping[str, Path]]) -> list[str]:
    """The names that all folders have, sorted. UserError where there is none."""
    shared = sorted(set.intersection(*(set(pictures) for pictures in folders.values())))
    if not shared:
        examples = "; ".join(f"{name}: {next(iter(pictures))} ..." for name, pictures in folders.items())
        raise UserError(f"no file name is in all folders ({examples}); the same name must mean the same stimulus")
    return shared


def sizes_of(files: Sequence[Path]) -> set[tuple[int, int]]:
    """The (width, height) that occur."""
    return {picture_size(path, str(path)) for path in files}


def files_hash(files: Sequence[Path]) -> str:
    """16 hexadecimal digits that name the files' contents, in their order."""
    whole = hashlib.sha256()
    for path in files:
        whole.update(hashlib.sha256(path.read_bytes()).digest())
    return whole.hexdigest()[:16]
