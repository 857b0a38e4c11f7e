"""A control's condition image as a run would see it, and what is to be said of it, before anything runs."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from PIL import Image

from zeroconv import conditions
from zeroconv.errors import UserError
from zeroconv.generate.prepared import Prepared
from zeroconv.images import check_fit
from zeroconv.request import Request
from zeroconv.serve.jobs.admission import admitted, check_pixels
from zeroconv.serve.models import Models
from zeroconv.serve.page.controls import Reader, checked_options
from zeroconv.serve.page.form import size_of
from zeroconv.serve.page.pictures import address_of, picture_of
from zeroconv.serve.settings import Limits

_LARGEST = 100_000
"""Pixels of a side of a picture; none that is taken here has as many."""


def preview(given: Mapping[str, Any], models: Models, limits: Limits) -> dict[str, Any]:
    """{base, size, shape, fit, control} -> {image, size, notes}: the control alone, prepared as a run prepares it.

    UserError for a size or a ControlNet that does not go with the base, and for whatever else a run would refuse.
    """
    prepared = prepared_control(given, models, limits)
    image = address_of(prepared.controls[0].condition)
    return {"image": image, "size": list(prepared.size), "notes": _notes(prepared, size_of(given.get("size")))}


def prepared_control(given: Mapping[str, Any], models: Models, limits: Limits) -> Prepared:
    """{base, size, shape, fit, control} -> the control alone, prepared as a run prepares it; errors as above.

    shape: (width, height) of the picture that the run starts from, which decides the size where none is asked for.
    """
    base = str(given.get("base"))
    reader = Reader(models, limits, base, size_of(given.get("size")), _shape(given.get("shape")))
    control = reader.control(given.get("control"))
    asked = Request(prompt="", controls=(control,), size=reader.size, fit=check_fit(given.get("fit", "crop")))
    request = admitted(asked, base, models, limits)
    prepared = models.prepare(base, request)
    check_pixels(prepared.size, limits)
    return prepared


def annotation(given: Mapping[str, Any], limits: Limits) -> dict[str, Any]:
    """{condition, options, image} -> {image, notes}: the condition image of a picture at its own size."""
    name = conditions.canonical(str(given.get("condition")))
    extractor = conditions.create(name, **checked_options(name, given))
    picture = picture_of(given.get("image"), limits, "the picture")
    if picture.width * picture.height > 4 * limits.pixels:
        raise UserError(f"the picture has {picture.width}x{picture.height} pixels; scale it down first")
    made = extractor(np.asarray(picture))
    return {
        "image": address_of(Image.fromarray(made)),
        "notes": [sentence(each) for each in conditions.doubts(name, made)],
    }


def size_notes(prepared: Prepared, asked: tuple[int, int] | None) -> list[str]:
    """Where the size is not the one that was asked for."""
    width, height = prepared.size
    if asked in (None, prepared.size):
        return []
    return [f"the size becomes {width}x{height}: this base needs multiples of {prepared.base.multiple}"]


def sentence(text: str) -> str:
    """What warnings and errors say, with a capital and an end."""
    return f"{text[:1].upper()}{text[1:]}."


def _notes(prepared: Prepared, asked: tuple[int, int] | None) -> list[str]:
    """What prepare warns of, for the one who looks at this control."""
    control = prepared.controls[0]
    notes = [*conditions.doubts(control.request.name, np.asarray(control.condition)), *size_notes(prepared, asked)]
    if control.sidecar.condition not in ("", None, control.request.name):
        notes.append(f"{control.request.checkpoint} was trained on {control.sidecar.condition}")
    if control.request.strength == 0:
        notes.append("at a strength of 0 the control has no effect")
    return [sentence(note) for note in notes]


def _shape(given: object) -> tuple[int, int] | None:
    if given is None:
        return None
    match given:
        case [int(width), int(height)] if 0 < min(width, height) <= max(width, height) < _LARGEST:
            return width, height
    raise UserError("the shape of the starting picture must be its width and height in pixels")
