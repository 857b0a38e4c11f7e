"""An unchanged client library from PyPI, webuiapi, against a real server: what it sends and reads fits."""

import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import webuiapi
from PIL import Image

from sent_pictures import house
from zeroconv import conditions

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


def difference(one: Image.Image, other: Image.Image) -> float:
    return float(np.abs(np.asarray(one.convert("RGB"), float) - np.asarray(other.convert("RGB"), float)).mean())


@pytest.fixture(scope="module")
def client(port: int) -> webuiapi.WebUIApi:
    return webuiapi.WebUIApi(port=port, sampler="Euler a", steps=4)


def test_a_controlled_picture(client: webuiapi.WebUIApi) -> None:
    unit = webuiapi.ControlNetUnit(
        image=house(), module="canny", model=client.controlnet_model_list()[0], threshold_a=100, threshold_b=200
    )
    asked = {"prompt": "a red cone", "seed": 7, "width": 128, "height": 128, "cfg_scale": 4}
    made = client.txt2img(**asked, controlnet_units=[unit])
    plain = client.txt2img(**asked, alwayson_scripts={})  # without, it sends the unit of before again
    picture, condition = made.images
    assert picture.size == (128, 128) and made.info["all_seeds"] == [7] and made.info["notes"] == []
    assert difference(condition, Image.fromarray(conditions.annotate("canny", np.asarray(house())))) == 0
    assert len(plain.images) == 1 and difference(plain.image, picture) > 5
    assert "Steps: 4" in made.info["infotexts"][0] and "ControlNet 0" in made.info["infotexts"][0]
    assert made.parameters["seed"] == 7 and made.parameters["alwayson_scripts"] is None


def test_a_picture_is_changed_within_its_mask(client: webuiapi.WebUIApi) -> None:
    mask = Image.new("RGB", (128, 128))
    mask.paste("white", (64, 0, 128, 128))
    made = client.img2img(
        images=[house()], mask_image=mask, prompt="a cone", seed=3, width=128, height=128, denoising_strength=0.6
    )
    left, right = ((0, 0, 64, 128), (64, 0, 128, 128))
    assert difference(made.image.crop(left), house().crop(left)) == 0
    assert difference(made.image.crop(right), house().crop(right)) > 1
    assert any("inpainting_fill" in note for note in made.info["notes"])


def test_progress_and_interrupt(client: webuiapi.WebUIApi) -> None:
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(client.txt2img, prompt="a", steps=150, width=256, height=256, alwayson_scripts={})
        while not client.get_progress()["state"]["job_count"]:
            assert not waiting.done()
            time.sleep(0.05)
        assert 0 < client.get_progress()["progress"] < 1
        client.interrupt()
        made = waiting.result()
    assert made.images == [] and any("the job was cancelled: 0 of 1" in note for note in made.info["notes"])


def test_condition_images(client: webuiapi.WebUIApi) -> None:
    made = client.controlnet_detect([house()], module="canny", processor_res=-1, threshold_a=100, threshold_b=200)
    assert difference(made.image, Image.fromarray(conditions.annotate("canny", np.asarray(house())))) == 0
    assert client.controlnet_detect([house()], module="softedge_hed", processor_res=256).image.size == (256, 256)


def test_what_it_asks_for_when_it_starts(client: webuiapi.WebUIApi) -> None:
    assert client.util_get_model_names() == ["tiny"] and client.util_get_current_model() == "tiny"
    assert "Euler a" in client.util_get_sampler_names() and "karras" in client.util_get_scheduler_names()
    assert "canny" in client.controlnet_module_list() and client.controlnet_version() >= 2
    client.util_wait_for_ready(check_interval=0.1)
    client.util_set_model("tiny")
    client.interrupt()
    for nothing in (client.get_upscalers, client.get_hypernetworks, client.get_prompt_styles):
        assert nothing() == []
    assert client.refresh_checkpoints() is None


def test_a_mistake_is_told_in_one_sentence(client: webuiapi.WebUIApi) -> None:
    with pytest.raises(RuntimeError, match="no second pass") as caught:
        client.txt2img(prompt="a", enable_hr=True)
    assert caught.value.args[0] == 422
    unit = webuiapi.ControlNetUnit(image=house(), module="canny", model="control_v11p_sd15_canny [d14c016b]")
    with pytest.raises(
        RuntimeError, match=r"no ControlNet .*control_v11p_sd15_canny.* is offered here; known: tiny-canny"
    ):
        client.txt2img(prompt="a", controlnet_units=[unit])
