"""A random ControlNet on disk and pictures to control with, shared by the tests of generation and the command line."""

from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from networks import small_controlnet
from zeroconv import conditions, weights
from zeroconv.base import BaseModel
from zeroconv.request import Request
from zeroconv.request.control import ControlRequest
from zeroconv.weights import Sidecar


def write_controlnet(base: BaseModel, folder: Path, condition: str = "canny", **options: int | str) -> Path:
    """A random ControlNet for the base, its zero convolutions randomised, with a sidecar."""
    kind = conditions.kind(condition)
    sidecar = Sidecar(
        condition=condition,
        condition_options=options,
        range=kind.value_range,
        polarity=kind.polarity,
        channel_order=kind.channel_order,
        base=base.name,
        base_fingerprint=base.fingerprint(),
    )
    weights.save(small_controlnet(base.unet), base, folder, sidecar=sidecar)
    return folder


def write_photo(path: Path, size: tuple[int, int] = (80, 60)) -> Path:
    """A picture with noise in it, so that it has edges everywhere."""
    noise = np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    Image.fromarray(noise).save(path)
    return path


def write_drawing(path: Path, size: tuple[int, int] = (64, 64)) -> Path:
    """White lines on black."""
    drawing = Image.new("RGB", size)
    ImageDraw.Draw(drawing).rectangle((10, 10, size[0] - 10, size[1] - 10), outline="white")
    drawing.save(path)
    return path


def largest_difference(one: Image.Image, other: Image.Image) -> int:
    """Of any pixel and channel, in 255ths."""
    return int(np.abs(np.asarray(one, dtype=np.int16) - np.asarray(other, dtype=np.int16)).max())


def asked(photo: Path | Image.Image, canny: Path, seeds: tuple[int, ...] = (5, 6, 7), **changes: Any) -> Request:
    """Three pictures under one Canny control; changes go to the request or, by their names, to the control."""
    names = {field.name for field in fields(ControlRequest)}
    control = {key: changes.pop(key) for key in tuple(changes) if key in names}
    controls = (ControlRequest("canny", photo, checkpoint=canny, **control),)
    return Request("a red house", controls, **{"negative": "a", "steps": 3, "seeds": seeds, **changes})
