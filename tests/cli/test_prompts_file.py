"""--prompts FILE: prompts, negative prompts and seeds of each picture; a run that was stopped goes on."""

import json
from functools import partial
from pathlib import Path

import pytest
from commandline import Capture, Make, complaint
from PIL import Image

from helpers_generate import largest_difference
from zeroconv.cli import main
from zeroconv.cli.prompts_file import prompts_of_file
from zeroconv.errors import UserError
from zeroconv.generate.run_folder import RunFolder
from zeroconv.images import read_image


@pytest.fixture
def prompts(tmp_path: Path) -> Path:
    path = tmp_path / "prompts.txt"
    path.write_text('a house\n\n{"prompt": "a tree", "negative": "blur", "seed": 9}\na red house\n', "utf-8")
    return path


def test_lines_are_pictures(prompts: Path) -> None:
    assert prompts_of_file(prompts, None, None, None) == {
        "prompt": ("a house", "a tree", "a red house"),
        "negative": ("", "blur", ""),
        "seeds": (0, 9, 2),
    }
    twice = prompts_of_file(prompts, (5,), 2, "fog")
    assert twice["seeds"] == (5, 6, 9, 10, 9, 10)
    assert twice["negative"] == ("fog", "fog", "blur", "blur", "fog", "fog")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "holds no prompt"),
        ('{"prompt": "a"', "line 1 is not valid JSON"),
        ('a\n{"promt": "a"}', "line 2 has an unknown field 'promt'; did you mean 'prompt'"),
        ('{"seed": 3}', "line 1: expected a prompt"),
        ('{"prompt": "a", "seed": "x"}', "a whole number as seed"),
    ],
)
def test_wrong_files(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "prompts.txt").write_text(text)
    with pytest.raises(UserError, match=message):
        prompts_of_file(tmp_path / "prompts.txt", None, None, None)


def test_a_stopped_run_goes_on_without_redoing(
    make: Make, prompts: Path, tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    add, made = RunFolder.add, []

    def add_one_and_die(folder: RunFolder, image: Image.Image) -> None:
        add(folder, image)
        raise MemoryError("killed before the record of the end is written")

    flags = ("--prompts", str(prompts), "--batch-size", "1")
    make = partial(make, prompt=None)
    with monkeypatch.context() as patch:
        patch.setattr(RunFolder, "add", add_one_and_die)
        patch.setattr(RunFolder, "end", lambda *_: None)
        assert make(*flags) == 2
    capsys.readouterr()
    out = tmp_path / "out"
    first = (out / "0000.png").read_bytes()
    record = json.loads((out / "run.json").read_text("utf-8"))
    assert record["outputs"] == [] and record["prompt"] == ["a house", "a tree", "a red house"]

    monkeypatch.setattr(RunFolder, "add", lambda folder, image: made.append(1) or add(folder, image))
    assert main(["generate", "--request", str(out / "run.json"), "--out", str(out)]) == 0
    assert "1 of 3 pictures are there already" in capsys.readouterr().out
    assert len(made) == 2 and (out / "0000.png").read_bytes() == first
    record = json.loads((out / "run.json").read_text("utf-8"))
    assert [output["file"] for output in record["outputs"]] == ["0000.png", "0001.png", "0002.png"]

    assert make(*flags) == 0 and len(made) == 2, "nothing is left to do"
    assert make(*flags, "--overwrite") == 0 and len(made) == 5
    again = tmp_path / "again"
    assert main(["generate", "--request", str(out / "0001.png"), "--out", str(again)]) == 0
    assert largest_difference(read_image(out / "0001.png"), read_image(again / "0000.png")) <= 1
    capsys.readouterr()
    assert make(*flags, "--steps", "1") == 0, "another request is another picture"
    assert "are there already" not in capsys.readouterr().out


def test_one_seed_and_one_source_of_prompts(make: Make, prompts: Path, tmp_path: Path, capsys: Capture) -> None:
    command = ["generate", "--prompts", str(prompts), "--out", str(tmp_path / "out")]
    assert main([*command, "--seed", "1/2"]) == 2
    assert "cannot go with --prompts" in complaint(capsys)
    assert make("--prompts", str(prompts)) == 2
    assert "give --prompt or --prompts, not both" in complaint(capsys)
