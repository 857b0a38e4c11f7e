"""Pictures as webui's clients send them."""

import base64
import io

from PIL import Image, ImageDraw


def encoded(picture: Image.Image) -> str:
    """A picture as base64."""
    buffer = io.BytesIO()
    picture.save(buffer, format="PNG")
    return base64.b64encode(buffer.getvalue()).decode()


def decoded(sent: str) -> Image.Image:
    """The picture of an answer."""
    return Image.open(io.BytesIO(base64.b64decode(sent)))


def house(size: tuple[int, int] = (128, 128)) -> Image.Image:
    """A drawing with edges."""
    picture = Image.new("RGB", size, "white")
    width, height = size
    ImageDraw.Draw(picture).polygon(
        [(width // 4, height * 3 // 4), (width // 2, height // 4), (width * 3 // 4, height * 3 // 4)], "red"
    )
    return picture
