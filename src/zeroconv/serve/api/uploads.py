"""Pictures that clients send: base64, data: URLs or parts of a form, judged by their headers before unpacking."""

import base64
import binascii
import io
import warnings
from collections.abc import Mapping

from PIL import Image

from zeroconv.errors import PictureError, UserError
from zeroconv.images import decode_image
from zeroconv.serve.api.errors import FieldError
from zeroconv.serve.settings import Limits

FORMATS = ("PNG", "JPEG", "WEBP", "TIFF", "BMP", "GIF")
"""What may be sent: Pillow reads dozens of rare formats more, and one of them by starting a program."""


def picture(text: str, parts: Mapping[str, bytes], limits: Limits, field: str) -> Image.Image:
    """The picture in a field of a request as RGB, upright. FieldError where it is none, or is too large unpacked."""
    data = parts[text] if text in parts else _decoded(text, field)
    try:
        return picture_of_bytes(data, limits, field)
    except UserError as error:
        raise FieldError(field, str(error)) from error


def picture_of_bytes(data: bytes, limits: Limits, of: str) -> Image.Image:
    """The picture in a file's bytes as RGB, upright; `of` is its name in errors. PictureError as above."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the decoder about the file; a bomb is judged by our own limit
            with Image.open(io.BytesIO(data), formats=FORMATS) as image:
                width, height = image.size
    except Image.DecompressionBombError as error:  # Pillow's own limit, far above ours
        raise PictureError(f"{of} has more pixels, {_granted(limits)}") from error
    except Exception as error:  # decoders raise nearly everything on damaged headers
        expected = ", ".join(FORMATS)
        raise PictureError(f"{of} is not a picture (expected {expected}), or its header is damaged") from error
    if width * height > limits.upload_pixels:
        raise PictureError(f"{of} has {width}x{height} pixels, {_granted(limits)}")
    return decode_image(io.BytesIO(data), of)


def _granted(limits: Limits) -> str:
    return f"more than the {limits.upload_pixels:,} that are granted here; scale it down first"


def _decoded(text: str, field: str) -> bytes:
    kind, comma, encoded = text.partition(",") if text.startswith("data:") else ("", "", text)
    try:
        if kind and not (comma and kind.endswith(";base64")):
            raise ValueError(kind)
        return base64.b64decode("".join(encoded.split()), validate=True)
    except (ValueError, binascii.Error) as error:
        expected = "a picture as base64, as a data: URL or as the name of a part"
        raise FieldError(field, f"expected {expected}; a path or an address is not opened") from error
