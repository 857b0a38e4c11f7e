"""Data sets as tar shards: what is in them, the same bytes however they were built, nothing lost by a kill."""

import gc
import io
import json
import tarfile
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

PLAN = Plan(conditions=("canny", "softedge"), size=32, layout="webdataset", shard_size=3)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Seven pictures and one that is cut short, the third in order."""
    folder = tmp_path / "photos"
    folder.mkdir()
    random = np.random.default_rng(0)
    for number in range(7):
        blocks = random.integers(0, 255, (4, 6, 3), np.uint8)
        Image.fromarray(blocks).resize((60, 40), Image.Resampling.NEAREST).save(folder / f"{number}.png")
        (folder / f"{number}.txt").write_text(f"thing {number}")
    (folder / "1b.png").write_bytes((folder / "1.png").read_bytes()[:60])
    return folder


def run(photos: Path, out: Path, workers: int = 0, plan: Plan = PLAN) -> None:
    for _progress in build(photos, out, plan, workers=workers):
        pass


def contents(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*.*") if p.name != "done.jsonl"}


def members(shard: Path) -> dict[str, bytes]:
    with tarfile.open(shard) as archive:
        return {info.name: archive.extractfile(info).read() for info in archive}  # type: ignore[union-attr]


def test_shards_hold_what_their_index_says(photos: Path, tmp_path: Path) -> None:
    run(photos, tmp_path / "out")
    shards = sorted((tmp_path / "out").glob("*.tar"))
    index = json.loads((tmp_path / "out" / "index.json").read_text())["shardlist"]
    assert [(entry["url"], entry["nsamples"]) for entry in index] == [
        ("shard-000000.tar", 2),  # the third picture is cut short
        ("shard-000001.tar", 3),
        ("shard-000002.tar", 2),
    ]
    assert [len(members(shard)) for shard in shards] == [2 * 5, 3 * 5, 2 * 5]
    first = members(shards[0])
    assert list(first)[:5] == [
        "00000000.png",
        "00000000.txt",
        "00000000.canny.png",
        "00000000.hed.png",
        "00000000.json",
    ]
    picture, edges = (np.asarray(Image.open(io.BytesIO(first[f"00000000{kind}.png"]))) for kind in ("", ".canny"))
    assert picture.shape == (32, 32, 3) and edges.any()
    assert np.array_equal(edges, conditions.create("canny")(picture))
    assert json.loads(first["00000000.json"]) == {"source": "0.png", "text": "thing 0"}
    assert not (tmp_path / "out" / "parts").exists()


def test_two_processes_write_the_same_bytes_as_none(photos: Path, tmp_path: Path) -> None:
    run(photos, tmp_path / "alone")
    run(photos, tmp_path / "two", workers=2)
    assert contents(tmp_path / "alone") == contents(tmp_path / "two")


@pytest.mark.parametrize("steps", range(1, 10))
def test_a_run_that_was_killed_goes_on_wherever_it_was(photos: Path, tmp_path: Path, steps: int) -> None:
    run(photos, tmp_path / "whole")
    cut = tmp_path / "cut"
    progress = build(photos, cut, PLAN, workers=0)
    for _ in range(steps):
        next(progress)
    progress.close()
    finished = {path: path.stat().st_mtime_ns for path in (*cut.glob("*.tar"), *cut.glob("parts/*"))}
    with pytest.raises(UserError, match="is not finished"):
        list_folder(cut, "canny")
    again = build(photos, cut, PLAN, workers=0)
    assert next(again).done == steps - 1 - (steps > 3)  # the fourth step was the skipped picture
    for _ in again:
        pass
    assert contents(cut) == contents(tmp_path / "whole")
    assert all(path.stat().st_mtime_ns == time for path, time in finished.items() if path.suffix == ".tar")


def test_a_shard_that_was_lost_is_made_again(photos: Path, tmp_path: Path) -> None:
    run(photos, tmp_path / "out")
    whole = contents(tmp_path / "out")
    (tmp_path / "out" / "shard-000000.tar").unlink()
    run(photos, tmp_path / "out")
    assert contents(tmp_path / "out") == whole
    (tmp_path / "out" / "done.jsonl").unlink()  # then nothing is known about any shard
    run(photos, tmp_path / "out")
    assert contents(tmp_path / "out") == whole


def test_other_pictures_are_another_set(photos: Path, tmp_path: Path) -> None:
    run(photos, tmp_path / "out")
    (photos / "0a.png").write_bytes((photos / "0.png").read_bytes())
    with pytest.raises(UserError, match=r"holds another set: pictures '8, .* now: '9, "):
        run(photos, tmp_path / "out")


def test_training_and_the_linter_read_what_was_built(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--conditions", "canny", "--size", "32", "--workers", "0", "--layout", "webdataset", "--shard-size", "4"]
    assert main(["dataset", "build", str(photos), *words, "--out", str(tmp_path / "out")]) == 0
    assert "7 examples" in capsys.readouterr().out
    source = open_source(str(tmp_path / "out" / "*.tar"), extraction_of("canny", {}), 32)
    (example,) = source.read([4])
    assert len(source) == 7 and example.caption == "thing 4"
    assert np.array_equal(example.condition, conditions.create("canny")(example.image))
    main(["dataset", "check", str(tmp_path / "out"), "--condition", "canny"])
    assert "7 examples looked at; " in capsys.readouterr().out


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # the package leaves files open
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_the_webdataset_package_reads_our_shards(photos: Path, tmp_path: Path) -> None:
    webdataset = pytest.importorskip("webdataset", reason="needs the package webdataset, which is no dependency")
    run(photos, tmp_path / "out")
    shards = [str(path) for path in sorted((tmp_path / "out").glob("*.tar"))]
    samples = list(webdataset.WebDataset(shards, shardshuffle=False).decode("rgb8"))
    assert [sample["txt"] for sample in samples] == [f"thing {number}" for number in range(7)]
    assert all(np.array_equal(s["canny.png"], conditions.create("canny")(s["png"])) for s in samples)
    gc.collect()
    assert samples[6]["json"]["source"] == "6.png" and samples[6]["hed.png"].any()


def test_plans_that_cannot_be_done() -> None:
    with pytest.raises(UserError, match="did you mean 'webdataset'"):
        Plan(conditions=("canny",), layout="webdatasets")  # type: ignore[arg-type]
    with pytest.raises(UserError, match="shard size of at least 1"):
        Plan(conditions=("canny",), shard_size=0)


def test_flags_without_effect_are_told(photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["dataset", "build", str(photos), "--conditions", "canny", "--size", "32", "--workers", "0"]
    assert main([*words, "--shard-size", "4", "--caption-weights", "x/y", "--out", str(tmp_path / "out")]) == 0
    error = capsys.readouterr().err
    assert "--shard-size has no effect on --layout imagefolder" in error
    assert "--caption-weights has no effect on --captions folder" in error
