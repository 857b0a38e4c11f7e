"""The paper's scale: photographs in place of scenes. Pictures of the embedded world stand in for them here."""

import shutil
from pathlib import Path

import pytest
from PIL import Image

from networks import small_controlnet
from zeroconv import load_base, weights
from zeroconv.cli import main
from zeroconv.reproduce import record
from zeroconv.scenes import render, sample_scene


@pytest.fixture(scope="module")
def photographs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photographs")
    scenes = [sample_scene(2_000_000, index, kinds=("person", "house")) for index in range(4)]
    for scene, picture in zip(scenes, render(scenes, size=128).rgb.numpy(), strict=True):
        Image.fromarray(picture).save(folder / f"{scene.index}.png")
        (folder / f"{scene.index}.txt").write_text(scene.caption)
    return folder


def paper(*words: str) -> list[str]:
    return ["reproduce", *words, "--scale", "paper", "--base", "tiny", "--count", "3", "--steps", "1"]


def refused(capsys: pytest.CaptureFixture[str], *command: str) -> str:
    assert main(list(command)) == 2
    return capsys.readouterr().err


@pytest.mark.parametrize("name", ["composition", "resolution-weighting"])
def test_claims_are_measured_on_photographs(name: str, photographs: Path, tmp_path: Path) -> None:
    measures = ("--alignment", "scenes-score", "--quality", "scenes-kid")
    assert main([*paper(name), "--data", str(photographs), *measures, "--out", str(tmp_path)]) == 0
    found = record.read(tmp_path / name)
    assert found is not None
    assert len(found.tables[0].rows) > 3
    flags = f"--base tiny --scale paper --data {photographs} --alignment scenes-score --quality scenes-kid"
    assert found.command == f"zeroconv reproduce {name} {flags} --count 3 --steps 1"
    assert (tmp_path / name / found.pictures[0]).exists()


def test_other_photographs_are_measured_anew(
    photographs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    others = shutil.copytree(photographs, tmp_path / "others")
    command = [*paper("composition"), "--alignment", "scenes-score", "--out", str(tmp_path / "out")]
    for data, is_done in ((photographs, False), (photographs, True), (others, False)):
        assert main([*command, "--data", str(data)]) == 0
        assert ("done already" in capsys.readouterr().out) == is_done
    (others / "0.txt").write_text("a person beside a house")
    assert main([*command, "--data", str(others)]) == 0
    assert "done already" not in capsys.readouterr().out


def test_a_controlnet_that_was_trained_on_is_measured_anew(
    photographs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    base, place = load_base("tiny"), tmp_path / "pose"
    _, sidecar = weights.load_with_sidecar("tiny-pose", base)
    command = [*paper("composition"), "--data", str(photographs), "--alignment", "scenes-score"]
    command += ["--checkpoint", f"pose={place}", "--out", str(tmp_path / "out")]
    for seed, is_done in ((1, False), (1, True), (2, False)):
        shutil.rmtree(place, ignore_errors=True)
        weights.save(small_controlnet(base.unet, seed=seed), base, place, sidecar=sidecar)
        assert main(command) == 0
        assert ("done already" in capsys.readouterr().out) == is_done


def test_what_needs_the_embedded_world_is_refused(capsys: pytest.CaptureFixture[str], photographs: Path) -> None:
    told = refused(capsys, *paper("data-size"), "--data", str(photographs))
    assert "data-size is measured at the small scale alone: the trainings are on scenes" in told


def test_photographs_are_asked_for_and_only_there(capsys: pytest.CaptureFixture[str], photographs: Path) -> None:
    assert "--scale paper needs photographs with captions: --data FOLDER" in refused(capsys, *paper("composition"))
    told = refused(capsys, "reproduce", "composition", "--data", str(photographs))
    assert "--data is for --scale paper" in told


def test_a_checkpoint_is_given_by_its_condition(
    capsys: pytest.CaptureFixture[str], photographs: Path, tmp_path: Path
) -> None:
    command = [*paper("composition"), "--data", str(photographs), "--out", str(tmp_path)]
    assert "--checkpoint is written CONDITION=SOURCE" in refused(capsys, *command, "--checkpoint", "tiny-pose")
    told = refused(capsys, *command, "--checkpoint", f"pose={tmp_path / 'nothing'}")
    assert "nothing" in told
