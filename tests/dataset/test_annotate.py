"""The condition images of a folder: where they lie, that nothing is made twice or lost, and what is refused."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from zeroconv import conditions
from zeroconv.cli.entry import main
from zeroconv.dataset import Annotation, annotate_folder
from zeroconv.errors import UserError
from zeroconv.images import read_image

CANNY = Annotation("canny", {})


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Five pictures of sizes of their own, one cut short, two of one name but for the suffix."""
    folder = tmp_path / "photos"
    (folder / "deep" / "er").mkdir(parents=True)
    random = np.random.default_rng(0)
    for number, name in enumerate(("a.png", "a.jpg", "b.c.png", "deep/er/d.png")):
        blocks = random.integers(0, 255, (4, 6, 3), np.uint8)
        size = (60 + number, 40 + number)
        Image.fromarray(blocks).resize(size, Image.Resampling.NEAREST).save(folder / name)
    (folder / "cut.png").write_bytes((folder / "a.png").read_bytes()[:60])
    (folder / "._a.png").write_text("a hidden file is no picture")
    return folder


def run(photos: Path, out: Path, annotation: Annotation = CANNY, **options: object) -> tuple[int, int]:
    """The images that were there and those that are now."""
    steps = list(annotate_folder(photos, out, annotation, **{"workers": 0, **options}))  # type: ignore[arg-type]
    return steps[0].done, steps[-1].done


def contents(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*.*") if p.name != "done.jsonl"}


def test_images_lie_where_the_pictures_lie_at_their_size(photos: Path, tmp_path: Path) -> None:
    assert run(photos, tmp_path / "out") == (0, 4)
    made = sorted(path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*.png"))
    assert made == ["a.jpg.png", "a.png.png", "b.c.png", "deep/er/d.png"]
    picture, edges = (np.asarray(read_image(f / "deep/er/d.png")) for f in (photos, tmp_path / "out"))
    assert np.array_equal(edges, conditions.create("canny")(picture)) and edges.any()
    (skipped,) = [json.loads(line) for line in (tmp_path / "out" / "skipped.jsonl").read_text().splitlines()]
    assert skipped["source"] == "cut.png" and "damaged or cut short" in skipped["reason"]
    record = json.loads((tmp_path / "out" / "annotate.json").read_text())
    assert (record["condition"], record["options"]) == ("canny", {"low": 100, "high": 200})


def test_two_processes_write_the_same_bytes_as_none(photos: Path, tmp_path: Path) -> None:
    run(photos, tmp_path / "alone")
    run(photos, tmp_path / "two", workers=2)
    assert contents(tmp_path / "alone") == contents(tmp_path / "two")


def test_a_run_that_was_killed_goes_on_without_redoing(photos: Path, tmp_path: Path) -> None:
    run(photos, tmp_path / "whole")
    steps = annotate_folder(photos, tmp_path / "cut", CANNY, workers=0)
    for _ in range(3):
        next(steps)
    steps.close()
    with (tmp_path / "cut" / "done.jsonl").open("a") as file:
        file.write('{"source": "deep/er/d.png", "file_na')  # killed within a line
    kept = tmp_path / "cut" / "a.jpg.png"
    os.utime(kept, (1, 1))
    (tmp_path / "cut" / "a.png.png").unlink()  # finished, but lost since
    assert run(photos, tmp_path / "cut") == (1, 4)
    assert contents(tmp_path / "cut") == contents(tmp_path / "whole")
    assert kept.stat().st_mtime == 1
    assert run(photos, tmp_path / "cut") == (4, 4)


def test_what_changed_is_made_anew(photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run(photos, out)
    Image.effect_noise((30, 30), 90).save(photos / "a.png")  # another picture of the same name
    assert run(photos, out) == (3, 4)
    assert read_image(out / "a.png.png").size == (30, 30)
    assert run(photos, out, overwrite=True) == (0, 4)
    before = contents(out)
    assert run(photos, out, Annotation("canny", {"low": 900, "high": 1900})) == (0, 4)
    assert all(contents(out)[name] != before[name] for name in ("annotate.json", "a.png.png"))


def test_a_repaired_picture_is_no_longer_reported(photos: Path, tmp_path: Path) -> None:
    run(photos, tmp_path / "out")
    (photos / "cut.png").write_bytes((photos / "a.png").read_bytes())
    assert run(photos, tmp_path / "out") == (4, 5)
    assert (tmp_path / "out" / "skipped.jsonl").read_text() == ""


def test_folders_that_cannot_be_used(photos: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="lies within"):
        run(photos, photos / "out")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("mine")
    with pytest.raises(UserError, match=r"full is not empty and holds no annotate.json"):
        run(photos, tmp_path / "full")
    with pytest.raises(UserError, match=r"full holds no pictures"):
        run(tmp_path / "full", tmp_path / "out")
    with pytest.raises(UserError, match=r"none of the 5 pictures .*: segmentation: method=algorithm takes a map|a.jpg"):
        run(photos, tmp_path / "none", Annotation("segmentation", {"method": "algorithm"}))


def test_missing_weights_end_the_run_instead_of_skipping_everything(photos: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"depth: no network at './none'"):
        run(photos, tmp_path / "out", Annotation("depth", {"weights": "./none"}))
    assert (tmp_path / "out" / "done.jsonl").read_text() == ""


def test_the_command_says_what_came_out(photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["annotate", "canny", str(photos), "--low", "50", "--workers", "0"]
    assert main([*words, "--out", str(tmp_path / "out")]) == 0
    printed = capsys.readouterr()
    assert "4 canny images made" in printed.out and "1 pictures could not be used" in printed.out
    assert "picture/s" in printed.err
    assert json.loads((tmp_path / "out" / "annotate.json").read_text())["options"] == {"low": 50, "high": 200}
    assert main([*words, "--out", str(tmp_path / "out.png")]) == 2
    assert "must be a folder, not 'out.png'" in capsys.readouterr().err
    assert main(["annotate", "canny", str(photos / "none"), "--out", str(tmp_path / "more")]) == 2
    assert "no file" in capsys.readouterr().err
    assert main(["annotate", "canny", str(photos / "a.png"), "--overwrite", "--out", str(tmp_path / "one.png")]) == 0
    assert "are for folders" in capsys.readouterr().err
