"""webui's /controlnet/detect: pictures into condition images, at the resolution that is asked for."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from PIL import Image, ImageOps

from zeroconv import conditions
from zeroconv.errors import UserError
from zeroconv.request.request import MAX_SIDE
from zeroconv.serve.jobs.admission import check_pixels
from zeroconv.serve.models import Models
from zeroconv.serve.settings import Limits
from zeroconv.serve.webui.modules import INVERT, Module, find_module, module_options
from zeroconv.serve.webui.schema import Detect
from zeroconv.serve.webui.units import Read

_SMALLEST = 64
"""Pixels of the short side, as webui's slider has it."""


def detect(asked: Detect, models: Models, limits: Limits, read: Read) -> list[Image.Image]:
    """The condition image of each picture, as the ControlNet for it was trained, where one is offered.

    UserError for an unknown module, or more than is granted.
    """
    given = asked.controlnet_input_images
    if not given:
        raise UserError("controlnet_input_images is empty: expected at least one picture as base64")
    if len(given) > limits.controls:
        raise UserError(f"{len(given)} pictures are more than the {limits.controls} that are granted here")
    make = _maker(asked, models)
    return [make(_sized(read(sent, "controlnet_input_images"), asked, limits)) for sent in given]


def _maker(asked: Detect, models: Models) -> Callable[[Image.Image], Image.Image]:
    module = find_module(asked.controlnet_module)
    if not isinstance(module, Module):
        return ImageOps.invert if module == INVERT else _unchanged
    options: dict[str, Any] = module_options(module, asked.controlnet_threshold_a, asked.controlnet_threshold_b)
    extractor = conditions.create(module.condition, **{**_trained(module.condition, models), **options})
    return lambda picture: Image.fromarray(extractor(np.asarray(picture)))


def _trained(condition: str, models: Models) -> Mapping[str, Any]:
    """The options of the first ControlNet for a condition and the default base."""
    family = models.bases()[models.default_base].family
    fitting = (
        known for known in models.controlnets().values() if (known.condition, known.family) == (condition, family)
    )
    return next((known.options for known in fitting), {})


def _sized(picture: Image.Image, asked: Detect, limits: Limits) -> Image.Image:
    """The picture with its short side as asked for; as it is where nothing is asked."""
    side = asked.controlnet_processor_res
    if side == -1:
        size = picture.size
    elif not _SMALLEST <= side <= MAX_SIDE:
        raise UserError(f"controlnet_processor_res must be {_SMALLEST} to {MAX_SIDE}, or -1, not {side}")
    else:
        width, height = (max(1, round(each * side / min(picture.size))) for each in picture.size)
        size = (width, height)
    check_pixels(size, limits)
    return picture if size == picture.size else picture.resize(size, Image.Resampling.LANCZOS)


def _unchanged(picture: Image.Image) -> Image.Image:
    return picture
