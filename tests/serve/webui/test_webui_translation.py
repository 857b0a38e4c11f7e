from typing import Any

import numpy as np
import pytest
from PIL import Image

from sent_pictures import decoded, encoded, house
from zeroconv.errors import UserError
from zeroconv.images import to_rgb
from zeroconv.request import Lora
from zeroconv.serve.loras import LoraInfo
from zeroconv.serve.models import Models
from zeroconv.serve.settings import Limits
from zeroconv.serve.webui.schema import Img2Img, Txt2Img
from zeroconv.serve.webui.translation import Order, translate


def read(sent: str, of: str) -> Image.Image:
    return to_rgb(decoded(sent))


def order(models: Models, kind: type[Txt2Img] = Txt2Img, **fields: Any) -> Order:
    return translate(kind.model_validate(fields), models, Limits(), read, base="tiny")


def scripts(*units: dict[str, Any]) -> dict[str, Any]:
    return {"ControlNet": {"args": [{"module": "canny", "image": encoded(house()), **unit} for unit in units]}}


def test_the_common_fields(models: Models) -> None:
    made = order(
        models,
        **{"prompt": "a red cone", "negative_prompt": "fog", "seed": 5, "batch_size": 2, "n_iter": 2, "steps": 9},
        **{"cfg_scale": 3, "width": 160, "height": 96, "sampler_name": "Euler a", "scheduler": "Automatic"},
    )
    request = made.request
    assert (request.prompt, request.negative, request.seeds) == ("a red cone", "fog", (5, 6, 7, 8))
    assert (request.steps, request.guidance, request.size, request.scheduler) == (9, 3.0, (160, 96), "euler-a")
    assert (made.base, made.sampler, made.notes) == ("tiny", "Euler a", ())


def test_seed_minus_one_is_drawn(models: Models) -> None:
    assert order(models, seed=-1).request.seeds != order(models).request.seeds


def test_nulls_are_left_out(models: Models) -> None:
    made = order(models, prompt="a", seed=None, styles=None, steps=None, width=128, height=128, alwayson_scripts=None)
    assert made.request.steps == 20 and made.notes == ()


def test_units_share_the_fit_of_the_run(models: Models) -> None:
    request = order(
        models, width=96, height=96, alwayson_scripts=scripts({"resize_mode": 1}, {"resize_mode": 2})
    ).request
    assert request.fit == "pad"
    first, second = (control.image for control in request.controls)
    assert isinstance(first, Image.Image) and first.size == (96, 96)
    assert isinstance(second, Image.Image) and second.size == (128, 128)
    assert order(models, alwayson_scripts=scripts({"resize_mode": 0})).request.fit == "stretch"


def test_disabled_units_and_silent_scripts_are_left_out(models: Models) -> None:
    given = {**scripts({"enabled": False}, {}), "ADetailer": {"args": [False]}, "other": {"args": []}}
    assert len(order(models, alwayson_scripts=given).request.controls) == 1


def test_a_picture_is_changed(models: Models) -> None:
    made = order(models, Img2Img, init_images=[encoded(house())], denoising_strength=0.5, width=96, height=64)
    assert isinstance(made.request.image, Image.Image) and made.request.image.size == (96, 64)
    assert made.request.denoise == 0.5 and made.request.mask is None


def test_a_mask_may_be_inverted(models: Models) -> None:
    mask = Image.new("RGB", (128, 128), "white")
    fields = {"init_images": [encoded(house())], "mask": encoded(mask), "mask_blur": 6}
    for inverted, grey in ((0, 255), (1, 0)):
        request = order(models, Img2Img, inpainting_mask_invert=inverted, **fields).request
        assert (np.asarray(request.mask) == grey).all() and request.feather == 6


def test_what_has_no_effect_is_said(models: Models) -> None:
    made = order(models, prompt="a (red:1.3) cone", width=100, height=128, novelty=3, override_settings={"eta_ddim": 1})
    said = " ".join(made.notes)
    for part in ("(red:1.2)", "128", "novelty", "eta_ddim"):
        assert part in said
    inpainting = {"init_images": [encoded(house())], "mask": encoded(house()), "inpainting_fill": 0}
    said = " ".join(order(models, Img2Img, inpaint_full_res=True, **inpainting).notes)
    assert "inpainting_fill 1" in said and "inpaint_full_res false" in said


def offering(models: Models, *names: str) -> Models:
    """The same models, with LoRAs of these names on the list."""
    other = object.__new__(Models)
    other.__dict__.update(models.__dict__)
    other.loras = lambda: {name: LoraInfo(name, ("tiny",)) for name in names}  # type: ignore[method-assign]
    return other


@pytest.mark.parametrize(
    ("prompt", "words", "loras"),
    [
        ("a red cone", "a red cone", ()),
        ("a  cone <b> ", "a  cone <b> ", ()),
        ("a <lora:style:0.8> cone", "a cone", (Lora("style", 0.8),)),
        ("<lora:style>a cone <lora:v1.2_ink:-.5>", "a cone", (Lora("style", 1.0), Lora("v1.2_ink", -0.5))),
        ("<lora:style:0>", "", (Lora("style", 0.0),)),
    ],
)
def test_loras_are_named_in_the_prompt(models: Models, prompt: str, words: str, loras: tuple[Lora, ...]) -> None:
    request = order(offering(models, "style", "v1.2_ink"), prompt=prompt).request
    assert (request.prompt, request.loras) == (words, loras)


@pytest.mark.parametrize(
    ("named", "sentence"),
    [
        ("stile:1", "no LoRA 'stile' is offered here; did you mean 'style'"),
        ("/etc/passwd", "no LoRA '/etc/passwd' is offered here"),
        ("style:0.8:0.5", "expected one number after the name"),
        ("style:much", "as in <lora:style:0.8>"),
        ("style:nan", "expected one number"),
        ("style:1e999", "expected one number"),
    ],
)
def test_loras_that_cannot_be_meant(models: Models, named: str, sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        order(offering(models, "style"), prompt=f"a cone <lora:{named}>")


def test_loras_are_left_out_where_that_is_asked(models: Models) -> None:
    made = order(offering(models, "style"), prompt="a cone <lora:style:1>", disable_extra_networks=True)
    assert (made.request.prompt, made.request.loras) == ("a cone", ()) and "left out" in " ".join(made.notes)


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"enable_hr": True}, "no second pass"),
        ({"restore_faces": True}, "no restoration of faces"),
        ({"tiling": True}, "no tiling"),
        ({"styles": ["x"]}, "no stored styles"),
        ({"subseed_strength": 0.2}, "no variation seeds"),
        ({"script_name": "X/Y/Z plot"}, "no scripts"),
        ({"override_settings": {"CLIP_stop_at_last_layers": 2}}, "last layer"),
        ({"override_settings": {"sd_model_checkpoint": "tinny"}}, "did you mean 'tiny'"),
        ({"alwayson_scripts": {"ADetailer": {"args": [True, {}]}}}, "the script 'ADetailer' is not here"),
        ({"alwayson_scripts": {"controlnet": []}}, 'must be an object with "args"'),
        ({"prompt": "<lora:house:0.8>"}, "no LoRAs are offered here"),
        ({"prompt": "<lyco:house:0.8>"}, "no other networks in prompts"),
        ({"negative_prompt": "<lora:house:0.8>"}, "read in the prompt alone"),
        ({"sampler_name": "DPM++ SDE"}, "the nearest here is"),
        ({"width": -1}, "must be 1 to 8192"),
        ({"width": 10**30}, "must be 1 to 8192"),
        ({"width": 8000, "height": 8000}, "pixels that are granted here"),
        ({"batch_size": 10**9}, "more than the 64 of one request"),
        ({"alwayson_scripts": scripts({}, {}, {}, {}, {})}, "more than the 4 of one request"),
    ],
)
def test_what_would_be_another_picture_is_refused(models: Models, fields: dict[str, Any], sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        order(models, **fields)


def test_image_to_image_takes_one_picture(models: Models) -> None:
    with pytest.raises(UserError, match="must be one picture, not 0"):
        order(models, Img2Img)
