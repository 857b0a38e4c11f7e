"""A random ControlNet, its base, and its folder on disk."""

from pathlib import Path

import pytest

from networks import small_base, small_controlnet
from zeroconv.base import BaseModel
from zeroconv.control import ControlNet
from zeroconv.weights import (
    Sidecar,
    save,
)

SIDECAR = Sidecar(
    condition="canny",
    condition_options={"low": 100, "high": 200},
    polarity="white on black",
    training={"steps": 7, "curve": [1, 2]},
)


@pytest.fixture(scope="module")
def base() -> BaseModel:
    return small_base("sd15")


@pytest.fixture(scope="module")
def controlnet(base: BaseModel) -> ControlNet:
    return small_controlnet(base.unet)


@pytest.fixture
def folder(base: BaseModel, controlnet: ControlNet, tmp_path: Path) -> Path:
    return save(controlnet, base, tmp_path / "net", sidecar=SIDECAR)
