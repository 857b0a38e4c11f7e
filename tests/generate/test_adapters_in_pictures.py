"""T2I-Adapters in requests: beside ControlNets, grey or in colour, recorded and made again."""

from pathlib import Path

import pytest
from PIL import Image

from adapters import random_network
from helpers_generate import asked, largest_difference, write_controlnet, write_photo
from zeroconv.base import BaseModel, load_base
from zeroconv.generate import ControlRequest, Request, generate, influence_of
from zeroconv.generate.prepare import prepare
from zeroconv.request.record import from_json, to_json


@pytest.fixture(scope="module")
def base(sd15_folder: Path) -> BaseModel:
    return load_base(sd15_folder)


@pytest.fixture(scope="module")
def photo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_photo(tmp_path_factory.mktemp("inputs") / "photo.png")


@pytest.fixture(scope="module", params=[1, 3])
def adapter(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("adapter")
    random_network(channels=request.param).save_pretrained(folder)
    return folder


def test_each_picture_has_its_strength_and_is_the_same_alone(base: BaseModel, adapter: Path, photo: Path) -> None:
    request = asked(photo, adapter, seeds=(5, 5, 6), strength=(0.0, 1.0, 1.0))
    together = list(generate(base, request))
    assert largest_difference(together[0], together[1]) > 8
    alone = next(generate(base, asked(photo, adapter, seeds=(6,))))
    assert largest_difference(together[2], alone) <= 1


def test_beside_a_controlnet(base: BaseModel, adapter: Path, photo: Path, tmp_path: Path) -> None:
    canny = write_controlnet(base, tmp_path / "canny")
    first = ControlRequest("canny", photo, checkpoint=canny)
    second = ControlRequest("grey", photo, checkpoint=adapter, end=0.7, mask=Image.new("L", (64, 64), 255))
    both, one, other = (
        next(generate(base, Request("a red house", controls, steps=3)))
        for controls in ((first, second), (first,), (second,))
    )
    assert min(largest_difference(both, one), largest_difference(both, other)) > 8


def test_its_record_makes_it_again(base: BaseModel, adapter: Path, photo: Path, tmp_path: Path) -> None:
    prepared = prepare(base, asked(photo, adapter, seeds=(5,)))
    again = from_json(to_json(prepared.request, tmp_path), tmp_path, of="record").request
    pictures = [next(generate(base, request)) for request in (prepared, again)]
    assert largest_difference(*pictures) == 0


def test_the_report_says_that_it_leaves_it_out(base: BaseModel, adapter: Path, photo: Path) -> None:
    prepared = prepare(base, asked(photo, adapter, seeds=(5,)))
    with pytest.warns(UserWarning, match="leaves out canny, a T2I-Adapter"):
        influence = influence_of(prepared)
    next(generate(base, prepared, influence=influence))
    assert influence.steps(0) == 0 and not any(influence.contribution(0))
