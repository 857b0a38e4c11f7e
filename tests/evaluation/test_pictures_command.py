"""`zeroconv evaluate pictures` as a user runs it: one folder, several in one table, mistakes in one sentence."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from zeroconv.cli import main
from zeroconv.evaluation.quality.pictures import of_scenes


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """true: scenes with their captions beside; noise: nothing to see."""
    place, scenes = tmp_path_factory.mktemp("pictures"), of_scenes(5, 128, seed=2_000_001)
    for name in ("true", "noise"):
        (place / name).mkdir()
    for number, caption in enumerate(scenes.captions):
        Image.fromarray(scenes.load(number)).save(place / "true" / f"{number}.png")
        noise = np.random.default_rng(number).integers(0, 256, (96, 128, 3), dtype=np.uint8)
        Image.fromarray(noise).save(place / "noise" / f"{number}.png")
        for name in ("true", "noise"):
            (place / name / f"{number}.txt").write_text(caption)
    return place


def test_one_folder(folders: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    measures = ("--measures", "scenes-fid,scenes-score", "--reference", "scenes", "--count", "4")
    assert main(["evaluate", "pictures", str(folders / "true"), *measures, "--out", str(tmp_path)]) == 0
    printed = capsys.readouterr()
    found = json.loads((tmp_path / "pictures.json").read_text())
    assert found["protocol_hash"] in printed.out
    assert found["protocol"]["count"] == found["protocol"]["reference"]["count"] == 4
    assert found["measures"]["scenes-score"]["mean"] > 0.9
    assert "warning: scenes-fid: 4 pictures a side are few" in printed.err
    rows = list(csv.DictReader((tmp_path / "pictures.csv").read_text().splitlines()))
    assert [row["name"] for row in rows] == ["0.png", "1.png", "2.png", "3.png"]
    assert all(0 <= float(row["scenes-score"]) <= 1 for row in rows)


def test_several_folders_in_one_table(folders: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = (str(folders / "true"), f"theirs={folders / 'noise'}", "--reference", str(folders / "true"))
    assert main(["evaluate", "pictures", *given, "--measures", "scenes-kid,scenes-score", "--out", str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    table = {line.split()[0]: line for line in printed.splitlines() if line.startswith("  ")}
    assert {"true", "theirs"} <= table.keys()
    rows = list(csv.DictReader((tmp_path / "comparison.csv").read_text().splitlines()))
    values = {(row["system"], row["measure"]): float(row["mean"]) for row in rows}
    assert values["theirs", "scenes-kid"] > values["true", "scenes-kid"]
    assert values["theirs", "scenes-score"] < values["true", "scenes-score"]
    assert values["true - theirs", "scenes-score"] == pytest.approx(
        values["true", "scenes-score"] - values["theirs", "scenes-score"], abs=1e-5
    )
    assert "of all" in printed
    assert (tmp_path / "theirs" / "pictures.csv").is_file()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("{}/true", "--reference", "scenes", "--measures", "scenes-fit"), "did you mean 'scenes-fid'"),
        (("{}/none", "--reference", "scenes"), "is no folder"),
        (("{}/true",), "give a reference (--reference FOLDER, or scenes)"),
        (("{}/true", "a={}/noise", "true={}/noise", "--reference", "scenes"), "two folders are called true"),
        (("../x={}/true", "--reference", "scenes"), "must be the name of a folder"),
        (("{}/true", "--reference", "scenes", "--weights", "clip"), "NAME=PLACE"),
        (("{}/true", "--reference", "scenes", "--count", "9"), "fewer than the count of 9"),
        (("{}/true", "--reference", "scenes", "--prompts", "{}/prompts"), "no prompts file"),
        (("{}/true", "--reference", "scenes", "--measures", "fid", "--weights", "inception={}"), "holds no pt_incep"),
    ],
)
def test_mistakes_get_one_sentence_and_leave_no_files(
    folders: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], message: str
) -> None:
    given = [word.format(folders) for word in words]
    assert main(["evaluate", "pictures", *given, "--out", str(tmp_path / "out")]) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
