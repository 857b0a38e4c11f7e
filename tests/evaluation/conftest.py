"""A small random base with a ControlNet whose joints are randomised, and a few real held-out scenes."""

from typing import Any

import pytest
import torch
from torch import nn

from wordbase import word_base
from zeroconv.base import BaseModel
from zeroconv.control import ControlNet
from zeroconv.evaluation.held_out import HeldOut, held_out_scenes


@pytest.fixture(scope="session")
def small_base() -> BaseModel:
    return word_base()


@pytest.fixture(scope="session")
def small_controlnet(small_base: BaseModel) -> ControlNet:
    torch.manual_seed(1)
    controlnet = ControlNet(small_base.unet, factor=small_base.factor)
    for parameter in controlnet.parameters():
        if not parameter.any():
            nn.init.normal_(parameter, std=0.2)
    return controlnet.eval()


@pytest.fixture(scope="session")
def few_scenes() -> HeldOut:
    return held_out_scenes(24, 32)


@pytest.fixture
def training_record() -> dict[str, Any]:
    """What a ControlNet's sidecar records of its training."""
    return {
        "config": {"steps": 10},
        "steps": 10,
        "samples": 40,
        "seconds": 60.0,
        "data": {"kind": "scenes"},
        "machine": {"device": "cpu"},
        "versions": {"torch": "2"},
        "gain": [],
    }
