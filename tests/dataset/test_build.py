"""Data sets from photographs: what is written, that nothing is lost or done twice, and what is refused."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from zeroconv import conditions
from zeroconv.cli.entry import main
from zeroconv.data.extraction import extraction_of
from zeroconv.data.listing import list_folder
from zeroconv.data.opening import open_source
from zeroconv.dataset import Plan, build
from zeroconv.errors import UserError

PLAN = Plan(conditions=("canny", "softedge"), size=32)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Six pictures, one of them cut short, two of the same name but for the suffix, one with a caption."""
    folder = tmp_path / "photos"
    (folder / "sub").mkdir(parents=True)
    random = np.random.default_rng(0)
    for name in ("a.png", "a.jpg", "b.jpg", "sub/c.png", "d.png"):
        blocks = random.integers(0, 255, (4, 6, 3), np.uint8)
        Image.fromarray(blocks).resize((60, 40), Image.Resampling.NEAREST).save(folder / name)
    (folder / "b.txt").write_text("a thing called b")
    (folder / "cut.png").write_bytes((folder / "d.png").read_bytes()[:60])
    return folder


def run(photos: Path, out: Path, plan: Plan = PLAN, workers: int = 0) -> list[dict[str, object]]:
    for _progress in build(photos, out, plan, workers=workers):
        pass
    return [json.loads(line) for line in (out / "metadata.jsonl").read_text().splitlines()]


def contents(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*.*") if p.name != "done.jsonl"}


def test_every_picture_becomes_an_example(photos: Path, tmp_path: Path) -> None:
    rows = run(photos, tmp_path / "out")
    assert [row["source"] for row in rows] == ["a.jpg", "a.png", "b.jpg", "d.png", "sub/c.png"]
    assert [row["file_name"] for row in rows[:2]] == ["image/a.jpg.png", "image/a.png.png"]
    assert rows[2]["text"] == "a thing called b"
    picture = np.asarray(Image.open(tmp_path / "out" / "image" / "b.png"))
    edges = np.asarray(Image.open(tmp_path / "out" / "canny" / "b.png"))
    assert picture.shape == (32, 32, 3)
    assert np.array_equal(edges, conditions.create("canny")(picture)) and edges.any()
    skipped = [json.loads(line) for line in (tmp_path / "out" / "skipped.jsonl").read_text().splitlines()]
    assert [row["source"] for row in skipped] == ["cut.png"]
    assert "damaged or cut short" in skipped[0]["reason"]


def test_training_reads_what_was_built(photos: Path, tmp_path: Path) -> None:
    run(photos, tmp_path / "out")
    source = open_source(str(tmp_path / "out"), extraction_of("hed", {}), 32)
    assert len(source) == 5
    (example,) = source.read([2])
    assert example.caption == "a thing called b"
    assert np.array_equal(example.condition, np.asarray(Image.open(tmp_path / "out" / "hed" / "b.png")))


def test_a_condition_that_was_not_built_is_not_taken_from_the_names_of_the_photographs(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(photos, tmp_path / "out")
    assert [entry.condition for entry in list_folder(tmp_path / "out", "depth").entries] == [None] * 5
    main(["dataset", "check", str(tmp_path / "out"), "--condition", "depth"])
    assert "5 examples looked at, 5 without a depth image" in capsys.readouterr().out


def test_two_processes_write_the_same_bytes_as_none(photos: Path, tmp_path: Path) -> None:
    run(photos, tmp_path / "alone")
    run(photos, tmp_path / "two", workers=2)
    assert contents(tmp_path / "alone") == contents(tmp_path / "two")


def test_a_run_that_was_killed_goes_on_without_redoing(photos: Path, tmp_path: Path) -> None:
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    run(photos, whole)
    steps = build(photos, cut, PLAN, workers=0)
    for _ in range(4):
        next(steps)
    steps.close()
    assert not (cut / "metadata.jsonl").exists()
    with (cut / "done.jsonl").open("a") as file:
        file.write('{"source": "d.png", "file_na')  # killed within a line
    kept = cut / "image" / "a.jpg.png"
    os.utime(kept, (1, 1))
    (cut / "hed" / "a.png.png").unlink()  # finished, but lost since
    run(photos, cut)
    assert contents(cut) == contents(whole)
    assert kept.stat().st_mtime == 1


def test_thresholds_may_be_drawn_for_each_picture(photos: Path, tmp_path: Path) -> None:
    rows = run(photos, tmp_path / "out", Plan(conditions=("canny",), size=32, random_canny=True))
    drawn = [row["canny_options"] for row in rows]
    assert len({json.dumps(options) for options in drawn}) == 5
    picture = np.asarray(Image.open(tmp_path / "out" / str(rows[3]["file_name"])))
    edges = np.asarray(Image.open(tmp_path / "out" / str(rows[3]["canny_file_name"])))
    assert np.array_equal(edges, conditions.create("canny", **rows[3]["canny_options"])(picture))  # type: ignore[arg-type]


def test_an_empty_condition_is_noted_beside_it(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    Image.new("RGB", (40, 40), "gray").save(tmp_path / "photos" / "flat.png")
    (row,) = run(tmp_path / "photos", tmp_path / "out", Plan(conditions=("canny",), size=32))
    assert "empty" in str(row["canny_doubts"])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"conditions": ()}, "at least one condition"),
        ({"conditions": ("cany",)}, "did you mean 'canny'"),
        ({"conditions": ("custom",)}, "cannot be made from a picture"),
        ({"conditions": ("hed",), "options": {"canny": {"low": 1}}}, "canny, which is not among the conditions"),
        ({"conditions": ("hed",), "random_canny": True}, "random thresholds need canny"),
        ({"conditions": ("canny",), "size": 8}, "size from 16"),
        ({"conditions": ("canny",), "options": {"canny": {"lo": 1}}}, "low"),
    ],
)
def test_plans_that_cannot_be_done(settings: dict[str, object], message: str) -> None:
    with pytest.raises(UserError, match=message):
        Plan(**settings)  # type: ignore[arg-type]


def test_folders_that_cannot_be_used(photos: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="lies within"):
        next(build(photos, photos / "out", PLAN))
    run(photos, tmp_path / "out")
    with pytest.raises(UserError, match="holds another set: size 32"):
        next(build(photos, tmp_path / "out", Plan(conditions=("canny", "hed"), size=48)))
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "a.png").write_text("no picture")
    with pytest.raises(UserError, match=r"none of the 1 pictures .* could be read"):
        list(build(tmp_path / "broken", tmp_path / "none", PLAN, workers=0))


def test_the_command_says_what_came_out(photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--conditions", "canny,low=50,high=90", "--conditions", "hed,lineart", "--size", "32", "--workers", "0"]
    assert main(["dataset", "build", str(photos), *words, "--out", str(tmp_path / "out")]) == 0
    printed = capsys.readouterr().out
    assert "5 examples" in printed and "1 pictures could not be read" in printed
    plan = json.loads((tmp_path / "out" / "export.json").read_text())
    assert plan["conditions"]["canny"] == {"low": 50, "high": 90}
    assert set(plan["conditions"]) == {"canny", "hed", "lineart"}
    assert main(["dataset", "build", str(photos), "--conditions", "canny,hed,low=1", "--out", str(tmp_path / "x")]) == 2
    assert "options belong to one condition" in capsys.readouterr().err
