"""The base that ships is frozen: ControlNets, caches and every documented figure stand on exactly these weights."""

import json
from pathlib import Path

import pytest

from zeroconv import load_base
from zeroconv.base.families import MODELS
from zeroconv.base.hashing import base_hash

FROZEN = "57c82d87667f0ea16076867a4dfbed50f3ea22b46d9e83a8331ec90b185e829e"
CONTROLNETS = sorted(MODELS.glob("controlnet-*/zeroconv.json"))


def test_the_base_is_the_one_that_was_frozen() -> None:
    base = load_base("tiny")
    assert (base.factor, base.latent_channels) == (8, 8)
    assert base_hash(base) == FROZEN


@pytest.mark.parametrize("sidecar", CONTROLNETS, ids=lambda path: path.parent.name)
def test_every_controlnet_that_ships_was_trained_on_it(sidecar: Path) -> None:
    training = json.loads(sidecar.read_text("utf-8"))["training"]
    assert training["base_hash_before"] == training["base_hash_after"] == FROZEN
