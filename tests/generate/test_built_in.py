"""Each ControlNet that ships reads a picture of its world by itself, offline, without an option."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from zeroconv import scenes
from zeroconv.base import BaseModel, load_base
from zeroconv.generate.prepare import prepare
from zeroconv.request import ControlRequest, Request
from zeroconv.weights import BUILT_IN


@pytest.fixture(scope="module")
def tiny() -> BaseModel:
    return load_base("tiny")


@pytest.fixture(scope="module")
def scene() -> Image.Image:
    """One with a person, which pose needs."""
    seen = next(s for s in (scenes.sample_scene(3_000_000, i) for i in range(100)) if "person" in s.caption)
    return Image.fromarray(scenes.render([seen], size=128).rgb[0].numpy())


@pytest.mark.parametrize("name", BUILT_IN)
def test_a_picture_needs_no_option(name: str, tiny: BaseModel, scene: Image.Image, tmp_path: Path) -> None:
    scene.save(tmp_path / "scene.png")
    condition = name.removeprefix("tiny-")
    prepared = prepare(tiny, Request("a person", (ControlRequest(condition, tmp_path / "scene.png"),)))
    image = np.asarray(prepared.controls[0].condition)
    assert image.shape == (128, 128, 3) and image.std() > 5
