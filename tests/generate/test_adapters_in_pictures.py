"""T2I-Adapters in requests: beside ControlNets, grey or in colour, recorded and made again."""

import json
from pathlib import Path

import pytest
from PIL import Image

from adapters import random_network
from helpers_generate import asked, largest_difference, write_controlnet, write_photo
from zeroconv.base import BaseModel, load_base
from zeroconv.generate import ControlRequest, Request, generate, influence_of
from zeroconv.generate.influence_report import write_report
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


def test_the_report_shows_it_beside_a_controlnet(base: BaseModel, adapter: Path, photo: Path, tmp_path: Path) -> None:
    controls = [ControlRequest("canny", photo, checkpoint=write_controlnet(base, tmp_path / "canny"))]
    controls += [ControlRequest("grey", photo, checkpoint=adapter, end=end) for end in (1.0, 0.5)]
    prepared = prepare(base, Request("a red house", tuple(controls), steps=3))
    influence = influence_of(prepared)
    next(generate(base, prepared, influence=influence))
    report, _ = write_report(influence, tmp_path)
    written = json.loads(report.read_text("utf-8"))
    assert written["features"] == ["feature 0 (8x8)", "feature 1 (4x4)", "feature 2 (2x2)", "feature 3 (1x1)"]
    assert [entry["layers"] for entry in written["controls"]] == ["layers", "features", "features"]
    assert [len(entry["contribution"]) for entry in written["controls"]] == [13, 4, 4]
    assert [pair["controls"] for pair in written["pairs"]] == [["grey", "grey"]]
    assert written["pairs"][0]["agreement"] == pytest.approx([1.0] * 4, abs=1e-3)
