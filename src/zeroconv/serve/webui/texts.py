"""The texts within a picture that a client sends, such as the parameters it was made with."""

import base64
import io

from PIL import Image

from zeroconv.serve.api.uploads import FORMATS


def texts_of(sent: str) -> dict[str, str]:
    """Name -> text of a picture as base64 or data: URL that is known to be one."""
    encoded = sent.partition(",")[2] if sent.startswith("data:") else sent
    with Image.open(io.BytesIO(base64.b64decode("".join(encoded.split()))), formats=FORMATS) as image:
        return {str(name): text for name, text in image.info.items() if isinstance(text, str)}
