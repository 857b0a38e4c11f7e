"""Pictures in and out: any file becomes 8-bit RGB or one clear sentence, and nothing is left half written.

What silently goes wrong elsewhere is decided here: EXIF rotation is applied, transparency is laid on white (as the
released ControlNet demos do), 16-bit values are scaled instead of clipped, palettes and CMYK become RGB, and a small
file that would unpack to gigabytes is refused before it is unpacked.
"""

import contextlib
import errno
import os
import secrets
import shutil
import warnings
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import BinaryIO, Literal, get_args

import numpy as np
from PIL import ExifTags, Image, ImageFilter, ImageOps, UnidentifiedImageError
from PIL.PngImagePlugin import PngInfo

from zeroconv.errors import PictureError, UserError, nearest

MAX_PIXELS = 100_000_000
"""Above this a file is refused before it is decoded: 100 megapixels already take 300 MB as RGB."""

Fit = Literal["crop", "pad", "stretch"]
"""How a picture gets another shape: cut the long side, add borders to the short one, or distort."""

LONGEST_STEM = 40
"""Characters of a file's name in that of its temporary one: disks allow 255 bytes, of which this may take 160."""

RESAMPLING = {"nearest": Image.Resampling.NEAREST, "linear": Image.Resampling.BILINEAR}
"""How a ready condition image is scaled, by the filter its kind declares."""

_SIXTEEN_BIT = ("I;16", "I;16L", "I;16B", "I;16N")


def read_image(path: str | Path) -> Image.Image:
    """The picture in a file as RGB, upright. PictureError for what is no readable picture of sane size."""
    path = Path(path)
    if not path.is_file():
        raise PictureError(_missing(path))
    return decode_image(path, str(path))


def picture_size(file: Path | BinaryIO, of: str) -> tuple[int, int]:
    """(width, height) that `decode_image` would give, without decoding the picture where its header is sound."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the decoder about the file
            with Image.open(file) as image:
                return (image.height, image.width) if _lies_on_its_side(image) else image.size
    except Exception:  # decoders raise nearly everything on damaged files; reading it says what is wrong
        return decode_image(file, of).size


def decode_image(file: Path | BinaryIO, of: str) -> Image.Image:
    """The picture in a file, or in bytes that lie elsewhere, as RGB, upright; `of` is its name in errors."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the decoder about the file; a bomb is judged by our own limit
            with Image.open(file) as image:
                _refuse_huge(of, image)
                image.load()
                return to_rgb(_upright(image))
    except UserError:
        raise
    except Image.DecompressionBombError as error:
        raise PictureError(f"{of} is larger than the limit of {MAX_PIXELS:,} pixels; scale it down first") from error
    except UnidentifiedImageError as error:
        raise PictureError(f"{of} is not a picture (expected a PNG, JPEG, WebP, TIFF, BMP or GIF file)") from error
    except PermissionError as error:
        raise PictureError(f"{of} cannot be opened: permission denied") from error
    except Exception as error:  # decoders raise nearly everything on damaged files: struct.error, IndexError ...
        raise PictureError(f"{of} is damaged or cut short and cannot be read as a picture ({error})") from error


def to_rgb(image: Image.Image) -> Image.Image:
    """Any PIL picture as 8-bit RGB: transparency on white, 16-bit and float values scaled to 0..255."""
    if image.mode == "RGB" and "transparency" not in image.info:
        return image.copy()
    if image.mode in (*_SIXTEEN_BIT, "I", "F"):
        image = Image.fromarray(_eight_bits(np.asarray(image)))
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        image = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
    return image.convert("RGB")


def fit(
    image: Image.Image,
    size: tuple[int, int],
    how: Fit = "crop",
    *,
    resample: Image.Resampling = Image.Resampling.LANCZOS,
    background: tuple[int, int, int] = (0, 0, 0),
    centring: tuple[float, float] = (0.5, 0.5),
) -> Image.Image:
    """The picture at exactly `size` (width, height): cut, padded with `background`, or stretched.

    centring  how much of what is cut off goes at the left and at the top: 0 none, 1 all.
    """
    check_fit(how)
    if image.size == size:
        return image.copy()
    if how == "crop":
        return ImageOps.fit(image, size, method=resample, centering=centring)
    if how == "stretch":
        return image.resize(size, resample)
    inside = image.resize(contained(image.size, size), resample)
    return pad(inside, size, background)


def pad(image: Image.Image, size: tuple[int, int], background: tuple[int, int, int] = (0, 0, 0)) -> Image.Image:
    """The picture unchanged in the middle of a canvas of `size` (width, height)."""
    canvas = Image.new("RGB", size, background)
    canvas.paste(image, ((size[0] - image.width) // 2, (size[1] - image.height) // 2))
    return canvas


def fitted_mask(mask: str | Path | Image.Image, size: tuple[int, int], how: Fit, feather: float) -> Image.Image:
    """A mask as grey values at `size`, brought there as its picture is; what padding adds is black.

    Sizes change by averaging areas, so that a share of white stays that share. feather: pixels over which a straight
    rim fades, half of them within.
    """
    picture = to_rgb(mask) if isinstance(mask, Image.Image) else read_image(mask)
    grey = fit(picture, size, how, resample=Image.Resampling.BOX).convert("L")
    return grey.filter(ImageFilter.BoxBlur(feather / 2)) if feather else grey


def contained(shape: tuple[int, int], size: tuple[int, int]) -> tuple[int, int]:
    """The largest (width, height) with the proportions of `shape` that lies within `size`; at least one pixel."""
    scale = min(size[0] / shape[0], size[1] / shape[1])
    width, height = (max(1, min(limit, round(side * scale))) for side, limit in zip(shape, size, strict=True))
    return width, height


def check_fit(how: object) -> Fit:
    """crop, pad or stretch; UserError for anything else."""
    if how not in get_args(Fit):
        raise UserError(f"unknown fit {how!r}; {nearest(str(how), get_args(Fit))}")
    return how  # type: ignore[return-value]


@contextlib.contextmanager
def atomic_write(path: str | Path) -> Iterator[Path]:
    """Yields a temporary path beside `path` (same suffix) that replaces it at success and vanishes at failure.

    A reader, and a run that was interrupted, sees the old file or the new one, never a part of one.
    """
    path = Path(path)
    part = path.with_name(f".{path.stem[:LONGEST_STEM]}.{secrets.token_hex(4)}.part{path.suffix}")
    try:
        yield part
        os.replace(part, path)  # noqa: PTH105 - the name says what happens to an existing file
    finally:
        part.unlink(missing_ok=True)


@contextlib.contextmanager
def atomic_folder(folder: Path) -> Iterator[Path]:
    """Yields a temporary folder beside `folder`, whose files are put in place at success; it vanishes at failure.

    A new folder appears as a whole; in one that is there each file is replaced as a whole.
    """
    part = folder.with_name(f".{folder.name}.{secrets.token_hex(4)}.part")
    part.mkdir(parents=True)
    try:
        yield part
        if not folder.exists():
            part.rename(folder)
            return
        for file in sorted(part.iterdir()):
            os.replace(file, folder / file.name)  # noqa: PTH105 - the name says what happens to an existing file
    finally:
        shutil.rmtree(part, ignore_errors=True)


def save_png(image: Image.Image, path: str | Path, metadata: Mapping[str, str] | None = None) -> None:
    """Writes a PNG in one step, each entry of `metadata` as a text chunk; PictureError where its name is too long."""
    chunks = PngInfo()
    for key, value in (metadata or {}).items():
        chunks.add_text(key, value)
    try:
        with atomic_write(path) as part:
            image.save(part, format="PNG", pnginfo=chunks)
    except OSError as error:
        if error.errno != errno.ENAMETOOLONG:
            raise
        raise PictureError(f"{path}: this name is too long for the disk") from error


def read_metadata(path: str | Path) -> dict[str, str]:
    """The text chunks of a PNG; empty for any other picture."""
    try:
        with Image.open(path) as image:
            return {str(key): value for key, value in image.info.items() if isinstance(value, str)}
    except (OSError, SyntaxError, ValueError):
        return {}


def _missing(path: Path) -> str:
    """Why `path` cannot be read, with the nearest file name of the same folder."""
    if path.is_dir():
        return f"{path} is a folder; expected a picture"
    if not path.parent.is_dir():
        return f"no file {path}: the folder {path.parent} does not exist"
    names = [entry.name for entry in path.parent.iterdir() if entry.is_file() and not entry.name.startswith(".")]
    close = get_close_matches(path.name, names, n=1, cutoff=0.5)
    return f"no file {path}" + (f"; did you mean {path.with_name(close[0])}?" if close else "")


def _refuse_huge(of: str, image: Image.Image) -> None:
    if image.width * image.height > MAX_PIXELS:
        size = f"{image.width}x{image.height}"
        raise PictureError(f"{of} has {size} pixels, more than the limit of {MAX_PIXELS:,}; scale it down first")


def _lies_on_its_side(image: Image.Image) -> bool:
    if image.format == "PNG" and not {"exif", "Raw profile type exif"} & image.info.keys():
        return False  # Pillow would decode the whole picture to look for the tag behind it
    return image.getexif().get(ExifTags.Base.Orientation) in (5, 6, 7, 8)


def _upright(image: Image.Image) -> Image.Image:
    """The picture as the camera was held; unreadable EXIF data leaves it as stored."""
    try:
        return ImageOps.exif_transpose(image)
    except Exception:  # the tag parser raises many kinds on damaged EXIF, and the picture itself is fine
        return image


def _eight_bits(values: np.ndarray) -> np.ndarray:
    """(H, W) integers or floats -> uint8: 0..65535 and 0..1 keep their scale, anything else is stretched to fit."""
    numbers = np.nan_to_num(values.astype(np.float64), posinf=0.0, neginf=0.0)
    low, high = float(numbers.min()), float(numbers.max())
    if np.issubdtype(values.dtype, np.integer) and low >= 0 and high <= 65535:
        low, high = 0.0, 65535.0
    elif low >= 0 and high <= 1:
        low, high = 0.0, 1.0
    return np.rint((numbers - low) * (255.0 / max(high - low, 1e-12))).astype(np.uint8)
