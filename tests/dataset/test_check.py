"""The linter finds each fault that is planted in a sound data set, and says nothing of the sound one."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from zeroconv.cli.entry import main
from zeroconv.data.listing import list_folder
from zeroconv.dataset.check import Finding, check
from zeroconv.dataset.measure import measure_all
from zeroconv.scenes.export import SceneExport, export_scenes

COUNT = 24


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Scenes with exact conditions."""
    folder = tmp_path_factory.mktemp("sound") / "set"
    for _ in export_scenes(folder, SceneExport(COUNT, seed=5, size=96, conditions=("canny", "depth", "normal", "hed"))):
        pass
    return folder


@pytest.fixture
def planted(sound: Path, tmp_path: Path) -> Path:
    """A copy to spoil."""
    shutil.copytree(sound, tmp_path / "set")
    return tmp_path / "set"


def findings(folder: Path, condition: str) -> dict[str, Finding]:
    problems: list[str] = []
    entries = list_folder(folder, condition, None, problems).entries
    examples = [example for example in measure_all(entries, problems) if example is not None]
    assert not problems
    return {finding.check: finding for finding in check(examples, condition)}


def change(path: Path, how: Callable[[np.ndarray], np.ndarray]) -> None:
    Image.fromarray(how(np.asarray(Image.open(path).convert("RGB")))).save(path)


def change_all(folder: Path, how: Callable[[np.ndarray], np.ndarray]) -> None:
    for path in folder.glob("*.png"):
        change(path, how)


def rows(folder: Path, how: Callable[[int, dict[str, str]], None]) -> None:
    lines = [json.loads(line) for line in (folder / "metadata.jsonl").read_text().splitlines()]
    for number, row in enumerate(lines):
        how(number, row)
    (folder / "metadata.jsonl").write_text("\n".join(json.dumps(row) for row in lines))


@pytest.mark.parametrize("condition", ["canny", "hed", "depth", "normal"])
def test_a_sound_set_is_met_with_silence(sound: Path, condition: str) -> None:
    assert findings(sound, condition) == {}


@pytest.mark.parametrize("condition", ["canny", "hed", "depth", "normal"])
def test_mixed_up_pairs_are_an_error(planted: Path, condition: str) -> None:
    rows(planted, lambda k, row: row.update({f"{condition}_file_name": f"{condition}/{(k + 5) % COUNT:06d}.png"}))
    assert findings(planted, condition)["alignment"].is_error


def test_two_exchanged_conditions_are_found(planted: Path) -> None:
    first, second = planted / "hed" / "000001.png", planted / "hed" / "000017.png"
    kept = first.read_bytes()
    shutil.copy(second, first)
    second.write_bytes(kept)
    found = findings(planted, "hed")
    assert set(found) == {"alignment"} and not found["alignment"].is_error
    assert set(found["alignment"].examples) <= {"image/000001.png", "image/000017.png"}


def test_inverted_drawings_are_an_error(planted: Path) -> None:
    change_all(planted / "canny", lambda pixels: 255 - pixels)
    assert findings(planted, "canny")["polarity"].is_error


def test_masks_of_zero_and_one_are_an_error(planted: Path) -> None:
    change_all(planted / "canny", lambda pixels: pixels // 255)
    assert findings(planted, "canny")["range"].is_error


def test_depth_of_which_far_is_bright_is_found(planted: Path) -> None:
    for number in (2, 9):
        change(planted / "depth" / f"{number:06d}.png", lambda pixels: 255 - pixels)
    found = findings(planted, "depth")["polarity"]
    assert set(found.examples) == {"image/000002.png", "image/000009.png"} and not found.is_error
    change_all(planted / "depth", lambda pixels: 255 - pixels)
    assert findings(planted, "depth")["polarity"].count >= COUNT / 2


def test_swapped_channels_of_normals_are_an_error(planted: Path) -> None:
    change_all(planted / "normal", lambda pixels: pixels[:, :, ::-1])
    found = findings(planted, "normal")["channels"]
    assert found.is_error and "BGR" in found.text


def test_black_conditions_are_found_and_named(planted: Path) -> None:
    change(planted / "hed" / "000003.png", np.zeros_like)
    found = findings(planted, "hed")
    assert found["empty"].examples == ("image/000003.png",) and not found["empty"].is_error
    change_all(planted / "hed", np.zeros_like)
    assert findings(planted, "hed")["empty"].is_error


def test_a_condition_of_another_shape_is_an_error(planted: Path) -> None:
    change(planted / "depth" / "000002.png", lambda pixels: pixels[:60])
    assert findings(planted, "depth")["shape"].examples == ("image/000002.png",)


def test_copies_are_found_whatever_their_type(planted: Path) -> None:
    picture = Image.open(planted / "image" / "000000.png")
    picture.save(planted / "image" / "000010.png", compress_level=1)
    picture.point(lambda value: min(255, value + 3)).save(planted / "image" / "000011.png")
    found = findings(planted, "depth")
    assert found["duplicates"].examples == ("image/000010.png",)
    assert found["near-duplicates"].examples == ("image/000011.png",)


def test_grey_pictures_are_found(planted: Path) -> None:
    for path in sorted((planted / "image").glob("*.png"))[:8]:
        Image.open(path).convert("L").convert("RGB").save(path)
    assert findings(planted, "depth")["grey"].count == 8


def test_poor_captions_are_found(planted: Path) -> None:
    rows(planted, lambda k, row: row.update(text="" if k < 5 else "a picture" if k < 10 else "word " * 70))
    found = findings(planted, "depth")
    assert found["captions"].count == 5
    assert {"same captions", "long captions"} <= set(found)


def test_the_command_lists_what_is_missing_and_damaged_and_says_so_in_its_exit_code(
    sound: Path, planted: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["dataset", "check", str(sound), "--condition", "canny"]) == 0
    assert f"{COUNT} examples looked at; 0 findings" in capsys.readouterr().out
    (planted / "canny" / "000004.png").unlink()
    (planted / "image" / "000006.png").write_bytes(b"cut")
    report = tmp_path / "new" / "report.json"
    assert main(["dataset", "check", str(planted), "--condition", "canny", "--json", str(report)]) == 1
    printed = capsys.readouterr().out
    assert "line 5 names canny/000004.png" in printed and "000006.png is not a picture" in printed
    assert len(json.loads(report.read_text())["problems"]) == 2
