"""The condition image of a picture that is sent."""

import base64
import io
import math
from typing import Any

import numpy as np
from PIL import Image

from zeroconv import conditions
from zeroconv.errors import UserError
from zeroconv.serve.api.schema import AnnotateBody
from zeroconv.serve.jobs.admission import check_options
from zeroconv.serve.models import Models
from zeroconv.serve.settings import Limits


def annotated(body: AnnotateBody, picture: Image.Image, models: Models, limits: Limits) -> Image.Image:
    """The condition image of a picture; one larger than the pictures made here is scaled down to their most first."""
    check_options(body.condition, body.options)
    options: dict[str, Any] = {**_trained(body, models), **body.options}
    return Image.fromarray(conditions.annotate(body.condition, np.asarray(_granted(picture, limits)), options))


def answer(condition: str, made: Image.Image) -> dict[str, Any]:
    """A condition image as JSON."""
    doubts = list(conditions.doubts(condition, np.asarray(made)))
    image = f"data:image/png;base64,{base64.b64encode(png(made)).decode()}"
    return {"condition": conditions.canonical(condition), "image": image, "size": made.size, "doubts": doubts}


def png(image: Image.Image) -> bytes:
    """The bytes of a PNG file."""
    file = io.BytesIO()
    image.save(file, format="PNG")
    return file.getvalue()


def _trained(body: AnnotateBody, models: Models) -> dict[str, Any]:
    """The options with which the named ControlNet was trained."""
    if body.checkpoint is None:
        return {}
    info = models.controlnet(body.checkpoint)
    if info.condition != conditions.canonical(body.condition):
        raise UserError(f"the ControlNet {info.name} is for {info.condition} images, not for {body.condition}")
    return dict(info.options)


def _granted(picture: Image.Image, limits: Limits) -> Image.Image:
    scale = math.sqrt(limits.pixels / (picture.width * picture.height))
    if scale >= 1:
        return picture
    width, height = (max(1, math.floor(side * scale)) for side in picture.size)
    return picture.resize((width, height), Image.Resampling.LANCZOS)
