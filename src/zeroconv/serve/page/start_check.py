"""The starting picture as a run would begin from it, and what is to be said of it, before anything runs."""

from collections.abc import Iterator, Mapping
from typing import Any

from PIL import Image

from zeroconv.generate.picture_input import mask_tensor
from zeroconv.generate.prepared import Prepared
from zeroconv.images import Fit, check_fit
from zeroconv.request import Request
from zeroconv.sampling.image_start import latent_mask
from zeroconv.serve.jobs.admission import admitted, check_pixels
from zeroconv.serve.models import Models
from zeroconv.serve.page.form import size_of, whole
from zeroconv.serve.page.pictures import address_of
from zeroconv.serve.page.preview import sentence, size_notes
from zeroconv.serve.page.start import start_of
from zeroconv.serve.settings import Limits

_SAME_SHAPE = 0.02
"""Up to this share of a side is cut off silently: sizes are multiples."""
_DONE: Mapping[Fit, str] = {"crop": "cropped", "pad": "padded", "stretch": "stretched"}


def check_start(given: Mapping[str, Any], models: Models, limits: Limits) -> dict[str, Any]:
    """{base, size, fit, steps, start} -> {image, size, notes}: the picture prepared as a run prepares it.

    UserError for what a run would refuse, as an inpainting base without a mask.
    """
    base, asked = str(given.get("base")), size_of(given.get("size"))
    steps = whole(given.get("steps") or Request.steps, "steps")
    start = start_of(given.get("start") or {}, limits)
    request = Request(prompt="", size=asked, fit=check_fit(given.get("fit", "crop")), steps=steps, **start)
    prepared = models.prepare(base, admitted(request, base, models, limits))
    check_pixels(prepared.size, limits)
    assert prepared.image is not None and prepared.num_steps
    notes = [*size_notes(prepared, asked), *_notes(prepared, request.image)]
    return {
        "image": address_of(prepared.image),
        "size": list(prepared.size),
        "notes": [sentence(note) for note in notes],
    }


def _notes(prepared: Prepared, picture: object) -> Iterator[str]:
    assert isinstance(picture, Image.Image)
    width, height = prepared.size
    factors = width / picture.width, height / picture.height
    given, run = f"{picture.width}x{picture.height}", f"{width}x{height}"
    if min(factors) < (1 - _SAME_SHAPE) * max(factors):
        yield f"the picture of {given} is {_DONE[prepared.request.fit]} to the shape of {run}"
    if max(factors) > 1:
        yield f"the picture of {given} is smaller than {run} and is enlarged"
    if prepared.mask is None and prepared.request.denoise == 1:
        yield "all of it is made anew: of this picture only the size is left"
    if prepared.mask is not None and not _places(prepared):
        yield f"what is painted is too thin to be made anew at {run}"


def _places(prepared: Prepared) -> float:
    """How many places of the latents the mask has made anew."""
    assert prepared.mask is not None
    factor, (width, height) = prepared.base.factor, prepared.size
    return float(latent_mask(mask_tensor(prepared.mask), (height // factor, width // factor)).sum())
