"""Pictures as the page sends them, inside its JSON: decoded within the server's limits; no path, no address elsewhere."""

import base64
import binascii
import io
import re

from PIL import Image

from zeroconv.errors import PictureError, UserError
from zeroconv.images import decode_image, picture_size
from zeroconv.serve.settings import Limits

_ADDRESS = re.compile(r"data:image/[a-z.+-]{1,20};base64,", re.ASCII)


def picture_of(address: object, limits: Limits, of: str) -> Image.Image:
    """`data:image/png;base64,...` -> the picture as RGB; PictureError for anything else, or where it is too large."""
    match = _ADDRESS.match(address) if isinstance(address, str) else None
    if match is None:
        raise UserError(f"{of} must be sent as data of a picture")
    assert isinstance(address, str)
    try:
        content = base64.b64decode(address[match.end() :], validate=True)
    except (binascii.Error, ValueError) as error:
        raise PictureError(f"{of} is damaged: it is no base64") from error
    width, height = picture_size(io.BytesIO(content), of)
    if width * height > limits.upload_pixels:
        raise PictureError(f"{of} has {width}x{height} pixels, more than the {limits.upload_pixels:,} granted here")
    return decode_image(io.BytesIO(content), of)


def address_of(picture: Image.Image) -> str:
    """A picture as `data:image/png;base64,...`."""
    file = io.BytesIO()
    picture.save(file, format="PNG", compress_level=3)
    return file_address(file.getvalue(), "png")


def file_address(content: bytes, kind: str) -> str:
    """The bytes of a PNG or JPEG as a data address."""
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"
