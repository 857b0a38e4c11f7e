from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageOps

from sent_pictures import decoded, encoded, house
from zeroconv import conditions
from zeroconv.errors import UserError
from zeroconv.images import to_rgb
from zeroconv.serve.models import Models
from zeroconv.serve.settings import Limits
from zeroconv.serve.webui.detection import detect
from zeroconv.serve.webui.schema import Detect

LANCZOS = Image.Resampling.LANCZOS


def read(sent: str, of: str) -> Image.Image:
    return to_rgb(decoded(sent))


def detected(models: Models, module: str, **more: Any) -> list[Image.Image]:
    asked = {"controlnet_module": module, "controlnet_input_images": [encoded(house((96, 64)))], **more}
    return detect(Detect.model_validate(asked), models, Limits(), read)


def test_pictures_that_are_ready_stay_or_are_inverted(models: Models) -> None:
    (same,), (inverted,) = detected(models, "none"), detected(models, "invert")
    assert (np.asarray(same) == np.asarray(house((96, 64)))).all()
    assert (np.asarray(inverted) == np.asarray(ImageOps.invert(house((96, 64))))).all()


def test_the_short_side_is_as_asked(models: Models) -> None:
    assert detected(models, "canny", controlnet_processor_res=128)[0].size == (192, 128)
    assert detected(models, "canny", controlnet_processor_res=-1)[0].size == (96, 64)


def test_what_a_controlnet_was_trained_on_needs_no_download(models: Models) -> None:
    (depth,) = detected(models, "depth_midas", controlnet_processor_res=128)
    options = models.controlnet("tiny-depth").options
    expected = conditions.annotate("depth", np.asarray(house((96, 64)).resize((192, 128), LANCZOS)), options)
    assert (np.asarray(depth) == expected).all() and depth.size == (192, 128)


def test_older_clients_name_the_pictures_otherwise(models: Models) -> None:
    asked = Detect.model_validate({"controlnet_module": "canny", "controlnet_images": [encoded(house())]})
    assert len(detect(asked, models, Limits(), read)) == 1


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ({"controlnet_processor_res": 10}, "must be 64 to 8192, or -1"),
        ({"controlnet_processor_res": 10**400}, "must be 64 to 8192, or -1"),
        ({"controlnet_processor_res": 4096}, "pixels that are granted here"),
        ({"controlnet_input_images": []}, "at least one picture"),
        ({"controlnet_input_images": ["x"] * 5}, "more than the 4"),
        ({"controlnet_module": "cany"}, "did you mean 'canny'"),
    ],
)
def test_mistakes_are_told(models: Models, more: dict[str, Any], sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        detected(models, "canny", **more)
