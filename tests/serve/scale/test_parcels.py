import pickle

import numpy as np
from PIL import Image

from sent_pictures import house
from zeroconv.request import ControlRequest, Lora, Request
from zeroconv.serve.scale.parcels import packed, unpacked


def test_a_request_crosses_processes_whole() -> None:
    control = ControlRequest("canny", house(), strength=(0.5, 1), mask=house(), options={"low": 50}, weights="soft")
    loras = (Lora("style", 0.5),)
    request = Request("a", (control,), seeds=(1, 2), size=(64, 64), image=house(), denoise=0.5, loras=loras)
    found = unpacked(pickle.loads(pickle.dumps(packed(request))))
    (same,) = found.controls
    assert (same.name, same.strength, same.options, same.weights) == ("canny", (0.5, 1.0), {"low": 50}, "soft")
    assert (found.prompt, found.seeds, found.size, found.denoise) == ("a", (1, 2), (64, 64), 0.5)
    assert found.loras == loras
    for one in (same.image, same.mask, found.image):
        assert isinstance(one, Image.Image) and (np.asarray(one) == np.asarray(house())).all()
