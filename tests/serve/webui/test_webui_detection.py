from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageOps

from sent_pictures import decoded, encoded, house
from zeroconv.errors import UserError
from zeroconv.images import to_rgb
from zeroconv.serve.settings import Limits
from zeroconv.serve.webui.detection import detect
from zeroconv.serve.webui.schema import Detect


def read(sent: str, of: str) -> Image.Image:
    return to_rgb(decoded(sent))


def detected(module: str, **more: Any) -> list[Image.Image]:
    asked = {"controlnet_module": module, "controlnet_input_images": [encoded(house((96, 64)))], **more}
    return detect(Detect.model_validate(asked), Limits(), read)


def test_pictures_that_are_ready_stay_or_are_inverted() -> None:
    (same,), (inverted,) = detected("none"), detected("invert")
    assert (np.asarray(same) == np.asarray(house((96, 64)))).all()
    assert (np.asarray(inverted) == np.asarray(ImageOps.invert(house((96, 64))))).all()


def test_the_short_side_is_as_asked() -> None:
    assert detected("canny", controlnet_processor_res=128)[0].size == (192, 128)
    assert detected("canny", controlnet_processor_res=-1)[0].size == (96, 64)


def test_older_clients_name_the_pictures_otherwise() -> None:
    asked = Detect.model_validate({"controlnet_module": "canny", "controlnet_images": [encoded(house())]})
    assert len(detect(asked, Limits(), read)) == 1


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
def test_mistakes_are_told(more: dict[str, Any], sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        detected("canny", **more)
