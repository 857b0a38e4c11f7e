"""What is offered, by name, and nothing else."""

import dataclasses
from pathlib import Path

import pytest

from helpers_generate import write_controlnet
from zeroconv.base import load_base
from zeroconv.errors import UserError
from zeroconv.serve.models import Models


def test_the_embedded_base_and_its_controlnets(models: Models) -> None:
    assert list(models.bases()) == ["tiny"] and models.default_base == "tiny"
    info = models.bases()["tiny"]
    assert (info.family, info.native_size, info.multiple, info.default_guidance) == ("tiny", 128, 32, 4.0)
    assert {info.condition for info in models.controlnets().values()} >= {"canny", "depth", "pose"}
    assert models.controlnet_for("openpose", "tiny") == "tiny-pose"
    assert models.controlnet("tiny-depth").options["method"] == "scenes"


def test_own_models_by_their_names(sd15_folder: Path, tmp_path: Path) -> None:
    edges = write_controlnet(load_base(sd15_folder), tmp_path / "secret-place" / "edges")
    models = Models({"mine": str(sd15_folder)}, {"edges": str(edges)})
    assert set(models.controlnets()) == {"edges"}, "those of the embedded base fit none that is offered"
    base = models.base("mine")
    assert base.name == "mine"
    assert models.controlnet_for("canny", "mine") == "edges"
    first = models.load_control("edges", base)
    assert models.load_control("edges", base)[0] is first[0], "loaded once"
    assert first[1].condition == "canny"
    assert models.file_hash("edges") and models.file_hash("other") is None


def test_what_does_not_fit_is_said_without_its_place(sd15_folder: Path, sdxl_folder: Path, tmp_path: Path) -> None:
    edges = write_controlnet(load_base(sd15_folder), tmp_path / "secret-place" / "edges")
    models = Models({"mine": str(sdxl_folder)}, {"edges": str(edges)})
    with pytest.raises(UserError) as refused:
        models.load_control("edges", models.base("mine"))
    assert "secret-place" not in str(refused.value)


def test_another_family_is_refused_by_name(models: Models) -> None:
    infos = {**models.controlnets(), "other": dataclasses.replace(models.controlnet("tiny-canny"), family="sd15")}
    other = Models()
    other._infos = infos
    with pytest.raises(UserError, match="the ControlNet other is for bases of the family sd15, tiny is tiny"):
        other.check_controlnet("other", "tiny")


@pytest.mark.parametrize("name", ["", "a/b", "..", "x y", "-x"])
def test_names_that_are_none(name: str) -> None:
    with pytest.raises(UserError, match="is no name"):
        Models({name: "tiny"})


def test_a_base_is_no_controlnet() -> None:
    with pytest.raises(UserError, match="is a base, not a ControlNet"):
        Models(controlnets={"x": "tiny"})
