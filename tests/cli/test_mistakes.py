"""One sentence and exit code 2 for every mistake."""

from pathlib import Path

import pytest
from commandline import Capture, Make, complaint

from helpers_generate import write_photo
from zeroconv.cli import main

WRONG_CONTROLS = [
    ("cany={photo}", "unknown condition 'cany'; did you mean 'canny'"),
    ("{photo}", "a control is written NAME=IMAGE[,key=value...]"),
    ("canny=", "a control is written NAME=IMAGE[,key=value...]"),
    ("canny={photo},strenght=1", "a canny control has no key 'strenght'; did you mean 'strength'"),
    ("canny={photo},lo=1", "did you mean 'low'"),
    ("canny={photo},strength=strong", "strength of canny must be a number, not 'strong'"),
    ("canny={photo},strength=", "strength of canny must be a number, not ''"),
    ("canny={photo},low=few", "low must be a whole number, not 'few'"),
    ("canny={photo},low=300", "expected 0 <= low <= high"),
    ("canny={photo},start=0.9,end=0.1", "expected 0 <= start <= end <= 1"),
    ("canny={photo},ready=perhaps", "ready must be yes or no, not 'perhaps'"),
    ("canny={photo},ready=yes,low=5", "low has no effect on an image that is ready"),
    ("canny={photo},low=5,low=6", "low twice"),
    ("canny={photo},strength=0/1", "canny has 2 strengths for 1 picture"),
    ("canny={photo},mask={missing}", "missing-phoot.png"),
    ("canny={missing}", "did you mean"),
    ("canny={text}", "is not a picture"),
    ("canny={folder}", "is a folder; expected a picture"),
    ("canny={photo},checkpoint={missing}", "missing"),
    ("canny={photo}", "is built in for the base"),
]


@pytest.mark.parametrize(("control", "sentence"), WRONG_CONTROLS)
def test_wrong_controls(make: Make, photo: Path, tmp_path: Path, capsys: Capture, control: str, sentence: str) -> None:
    (tmp_path / "text.png").write_text("no picture")
    paths = {
        "photo": photo,
        "missing": tmp_path / "missing-phoot.png",
        "text": tmp_path / "text.png",
        "folder": tmp_path,
    }
    assert make(control=control.format(**paths)) == 2
    assert sentence.removeprefix("did you mean") in complaint(capsys)


WRONG_FLAGS = [
    (["--steps", "many"], "argument --steps: expected a whole number, got 'many'"),
    (["--steps", "0"], "steps must be a whole number from 1"),
    (["--guidance", "-1"], "guidance must be 0 or more"),
    (["--guidance", "nan"], "expected a number, got 'nan'"),
    (["--seed", "-1"], "a seed must be a whole number from 0"),
    (["--seed", "1/2", "--num-images", "3"], "--seed names 2 pictures, --num-images 3"),
    (["--num-images", "0"], "--num-images must be 1 or more"),
    (["--size", "big"], "expected WIDTHxHEIGHT in pixels, as 512x768, got 'big'"),
    (["--size", "0x64"], "width must be a whole number from 1"),
    (["--size", "100000x64"], "width must be a whole number from 1 to 8192"),
    (["--fit", "corp"], "unknown 'corp'; did you mean 'crop'"),
    (["--scheduler", "dimm"], "unknown scheduler 'dimm'; did you mean 'ddim'"),
    (["--dtype", "float23"], "unknown dtype 'float23'; did you mean 'float32'"),
    (["--device", "gpu"], "unknown device 'gpu'"),
    (["--device", "meta"], "has no device meta; available: cpu"),
    (["--batch-size", "0"], "--batch-size must be 1 or more"),
    (["--base", "tinny"], "tinny"),
    (["--promt", "x"], "unknown argument '--promt'; did you mean '--prompt'"),
    (["--image", "nothing.png"], "no file nothing.png"),
    (["--denoise", "0.5"], "denoise has no effect without an image"),
    (["--prompt-mode", "lang"], "unknown 'lang'; did you mean 'long'"),
    (["--request", "nothing.json"], "no request file nothing.json"),
]


@pytest.mark.parametrize(("flags", "sentence"), WRONG_FLAGS)
def test_wrong_flags(make: Make, capsys: Capture, flags: list[str], sentence: str) -> None:
    assert make(*flags) == 2
    assert sentence in complaint(capsys)


WRONG_COMMANDS = [
    (["genrate"], "unknown command 'genrate'; did you mean 'generate'"),
    (["generate", "--out", "x"], "--prompt is needed (or --prompts or --request FILE)"),
    (["generate", "--prompts", "nothing.txt", "--out", "x"], "no prompts file nothing.txt"),
    (["generate", "--prompt", "x"], "the following arguments are required: --out"),
    (["generate", "--prompt", "x", "--out", ""], "expected a path, got nothing"),
    (["annotate", "cany", "a.png", "--out", "b.png"], "unknown 'cany'; did you mean 'canny'"),
    (["annotate", "canny", "a.png", "--out", "b.png"], "no file a.png"),
    (["annotate", "canny", "missing", "--out", "folder"], "no file missing"),
    (["annotate", "canny", "a.png", "--out", "b.png", "--lo", "3"], "unknown argument '--lo'; did you mean '--low'"),
    (["annotate", "canny", "a.png", "--out", "b.png", "--low", "x"], "low must be a whole number, not 'x'"),
    (["annotate", "canny", "a.png", "--out", "b.png", "--low", "300"], "0 <= low <= high"),
    (["inspect", "nothing-here"], "nothing-here"),
]


@pytest.mark.parametrize(("argv", "sentence"), WRONG_COMMANDS)
def test_wrong_commands(
    capsys: Capture, argv: list[str], sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(argv) == 2
    assert sentence in complaint(capsys)


def test_a_lossy_condition_image_is_refused(capsys: Capture, tmp_path: Path) -> None:
    photo = write_photo(tmp_path / "a.png")
    assert main(["annotate", "canny", str(photo), "--out", "b.jpg"]) == 2
    assert "--out must end in .png, not 'b.jpg'" in complaint(capsys)
