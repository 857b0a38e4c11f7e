"""Pictures between the page and the service, inside its JSON: data of a file, never a path or an address elsewhere."""

import base64
import io

from PIL import Image

from zeroconv.errors import UserError
from zeroconv.serve.api.uploads import picture
from zeroconv.serve.settings import Limits


def picture_of(data: object, limits: Limits, of: str) -> Image.Image:
    """`data:image/png;base64,...` -> the picture as RGB; UserError for anything else, or where it is too large."""
    if not isinstance(data, str):
        raise UserError(f"{of} is missing")
    return picture(data, {}, limits, of)


def address_of(image: Image.Image) -> str:
    """A picture as `data:image/png;base64,...`."""
    file = io.BytesIO()
    image.save(file, format="PNG", compress_level=3)
    return file_address(file.getvalue(), "png")


def file_address(content: bytes, kind: str) -> str:
    """The bytes of a PNG or JPEG as a data address."""
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"
