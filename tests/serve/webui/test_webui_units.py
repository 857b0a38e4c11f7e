from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageOps

from sent_pictures import decoded, encoded, house
from zeroconv.errors import UserError
from zeroconv.images import to_rgb
from zeroconv.serve.models import Models
from zeroconv.serve.webui.units import Translated, read_unit, translate_unit


def read(sent: str, of: str) -> Image.Image:
    return to_rgb(decoded(sent))


def translated(models: Models, unit: dict[str, Any], otherwise: Image.Image | None = None) -> Translated:
    return translate_unit(read_unit(unit, "unit 0"), "unit 0", models, read, otherwise)


def canny(**more: Any) -> dict[str, Any]:
    return {"module": "canny", "image": encoded(house()), **more}


def same(one: object, other: Image.Image) -> bool:
    assert isinstance(one, Image.Image)
    return one.size == other.size and bool((np.asarray(one) == np.asarray(other)).all())


def test_every_number_reaches_the_control(models: Models) -> None:
    unit = canny(weight=0.7, guidance_start=0.1, guidance_end=0.6, threshold_a=50, threshold_b=90, model="tiny-canny")
    control = translated(models, unit).control
    assert (control.name, control.checkpoint) == ("canny", "tiny-canny")
    assert (control.strength, control.start, control.end) == (0.7, 0.1, 0.6)
    assert control.options == {"low": 50, "high": 90} and not control.ready
    assert same(control.image, house())


@pytest.mark.parametrize(
    ("mode", "weights", "conditional_only"),
    [
        (0, "flat", False),
        ("Balanced", "flat", False),
        (1, "soft", False),
        ("My prompt is more important", "soft", False),
        ("2", "soft", True),
        ("ControlNet is more important", "soft", True),
    ],
)
def test_control_modes(models: Models, mode: int | str, weights: str, conditional_only: bool) -> None:
    control = translated(models, canny(control_mode=mode)).control
    assert (control.weights, control.conditional_only) == (weights, conditional_only)


@pytest.mark.parametrize(
    ("mode", "fit"),
    [
        *((0, "stretch"), ("Just Resize", "stretch"), (1, "crop"), ("Crop and Resize", "crop"), (2, "pad")),
        *(("Resize and Fill", "pad"), ("Scale to Fit (Inner Fit)", "crop"), ("Envelope (Outer Fit)", "pad")),
    ],
)
def test_resize_modes(models: Models, mode: int | str, fit: str) -> None:
    assert translated(models, canny(resize_mode=mode)).fit == fit


def test_older_spellings(models: Models) -> None:
    unit = {"input_image": encoded(house()), "module": "canny", "guidance": 0.5, "lowvram": True, "guessmode": True}
    made = translated(models, unit)
    assert made.control.end == 0.5
    assert any("guess_mode has no effect" in note for note in made.notes)


def test_mask_beside_the_image_or_within_it(models: Models) -> None:
    mask = ImageOps.invert(house())
    for unit in (
        canny(mask=encoded(mask)),
        canny(effective_region_mask=encoded(mask)),
        canny(image={"image": encoded(house()), "mask": encoded(mask)}),
    ):
        assert same(translated(models, unit).control.mask, mask)


def test_a_picture_that_is_ready_is_what_its_model_was_trained_on(models: Models) -> None:
    control = translated(
        models, {"module": "none", "model": "tiny-scribble [0a1b2c]", "image": encoded(house())}
    ).control
    assert (control.name, control.checkpoint, control.ready) == ("scribble", "tiny-scribble", True)
    inverted = translated(models, {"module": "invert", "model": "tiny-scribble", "image": encoded(house())}).control
    assert same(inverted.image, ImageOps.invert(house()))


def test_in_image_to_image_a_unit_without_a_picture_gets_the_one_that_is_changed(models: Models) -> None:
    assert same(translated(models, {"module": "canny"}, house()).control.image, house())
    with pytest.raises(UserError, match="unit 0 has no image"):
        translated(models, {"module": "canny"})


def test_a_unit_that_fits_otherwise_than_the_run_is_brought_to_size_before(models: Models) -> None:
    unit = translated(models, canny(image=encoded(house((128, 64))), resize_mode=0))
    assert same(unit.brought_to((64, 64), "stretch").image, house((128, 64)))
    assert same(unit.brought_to((64, 64), "pad").image, house((128, 64)).resize((64, 64), Image.Resampling.LANCZOS))


@pytest.mark.parametrize(
    ("unit", "sentence"),
    [
        ({"module": "cany", "image": "x"}, "did you mean 'canny'"),
        ({"module": "canny", "model": "tiny-cany", "image": "x"}, "did you mean 'tiny-canny'"),
        ({"module": "canny", "weight": "much"}, "unit 0: weight: Input should be a valid number"),
        ({"module": "canny", "weight": float("nan")}, "unit 0: weight: Input should be a finite number"),
        ({"module": "canny", "image": 5}, "unit 0: image must be a picture"),
        (canny(control_mode=7), "control mode 7 is not known; known: Balanced"),
        (canny(resize_mode="Crop an Resize"), "did you mean 'Crop and Resize'"),
        (canny(guidance_start=0.9, guidance_end=0.1), "expected 0 <= start <= end <= 1"),
        (canny(module="none"), "neither a module nor a model"),
        ([True, "canny"], "must be an object"),
    ],
)
def test_mistakes_are_told_in_one_sentence(models: Models, unit: Any, sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        translated(models, unit)


def test_what_another_network_makes_is_said(models: Models) -> None:
    assert translated(models, canny()).notes == ()
    (note,) = translated(models, canny(module="depth_midas")).notes
    assert "zeroconv's own depth" in note


def test_a_number_that_the_slider_does_not_have_is_said(models: Models) -> None:
    made = translated(models, canny(module="recolor_luminance", threshold_a=64))
    assert made.control.options == {"value": "luminance", "gamma": 1.0}
    assert made.notes == ("unit 0: 64 is not from 0.1 to 2: the default is taken",)
