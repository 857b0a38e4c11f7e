"""The flags of a single file: pictures from it, and the same picture again from run.json alone."""

import json
from pathlib import Path

import pytest
from PIL import Image, ImageChops

from zeroconv.cli import main


def test_pictures_from_a_single_file_and_again(
    files: dict[str, Path], tokenizer: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    named = ["--base", str(files["sd21"]), "--tokenizer", str(tokenizer), "--prediction", "epsilon"]
    how = ["--prompt", "a house", "--steps", "1", "--size", "64x64"]
    assert main(["generate", *named, *how, "--out", str(tmp_path / "one")]) == 0
    assert "CLIP's vocabulary from" in capsys.readouterr().out
    base = json.loads((tmp_path / "one" / "run.json").read_text())["base"]
    assert base["prediction"] == "epsilon" and (tmp_path / "one" / base["tokenizer"]).is_dir()
    assert main(["generate", "--request", str(tmp_path / "one" / "run.json"), "--out", str(tmp_path / "two")]) == 0
    one, two = (Image.open(tmp_path / name / "0000.png").convert("RGB") for name in ("one", "two"))
    assert ImageChops.difference(one, two).getbbox() is None


def test_a_wrong_prediction_names_the_nearest(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    for command in (["generate", "--prompt", "a"], ["train", "--condition", "canny", "--data", "scenes:4"]):
        assert main([*command, "--prediction", "v-prediction", "--out", str(tmp_path / "out")]) == 2
        assert "did you mean 'v_prediction'" in capsys.readouterr().err
