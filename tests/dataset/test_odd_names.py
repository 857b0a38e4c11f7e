"""Names that are no text, names as long as a disk allows, captions in another encoding: said, and nothing is lost."""

import json
import os
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from zeroconv.cli.entry import main
from zeroconv.data.extraction import extraction_of
from zeroconv.data.opening import open_source
from zeroconv.dataset import Annotation, Plan, annotate_folder, build

CANNY = Annotation("canny", {})
ODD = os.fsdecode(b"bad\xff name.png")


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Two pictures, one under the longest name there can be."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for number, name in enumerate(("é 写 #1,x=2.png", "n" * 251 + ".jpg")):
        noise = np.random.default_rng(number).integers(0, 256, (24, 30, 3), np.uint8)
        Image.fromarray(noise).save(folder / name)
    return folder


def report(out: Path) -> dict[str, str]:
    rows = map(json.loads, (out / "skipped.jsonl").read_text().splitlines())
    return {row["source"]: row["reason"] for row in rows}


def test_the_longest_names_are_written(photos: Path, tmp_path: Path) -> None:
    for _ in annotate_folder(photos, tmp_path / "out", CANNY, workers=0):
        pass
    assert report(tmp_path / "out") == {} and (tmp_path / "out" / ("n" * 251 + ".png")).is_file()


def test_a_name_that_would_be_too_long_is_reported(photos: Path, tmp_path: Path) -> None:
    (photos / ("n" * 251 + ".png")).write_bytes((photos / "é 写 #1,x=2.png").read_bytes())  # both keep their suffixes
    for _ in annotate_folder(photos, tmp_path / "out", CANNY, workers=0):
        pass
    assert len(report(tmp_path / "out")) == 2 and (tmp_path / "out" / "é 写 #1,x=2.png").is_file()
    steps = list(build(photos, tmp_path / "set", Plan(("canny",), 32), workers=0))
    assert steps[-1].done == 1 and all("too long" in reason for reason in report(tmp_path / "set").values())


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere names of files are text")
@pytest.mark.parametrize("layout", ["imagefolder", "webdataset"])
def test_names_that_are_no_text(photos: Path, tmp_path: Path, layout: str) -> None:
    (photos / ODD).write_bytes((photos / "é 写 #1,x=2.png").read_bytes())
    (photos / os.fsdecode(b"cut\xff.png")).write_bytes(b"")
    words = ["--conditions", "canny", "--random-canny", "--size", "32", "--layout", layout, "--workers", "0"]
    assert main(["dataset", "build", str(photos), *words, "--out", str(tmp_path / "set")]) == 0
    assert main(["dataset", "check", str(photos), "--condition", "canny"]) == 1  # names the cut one
    source = open_source(str(photos), extraction_of("canny", {}), 32)
    assert source.describe()["layout"] == "sidecars"
    built = open_source(str(tmp_path / "set"), extraction_of("canny", {}), 32)
    assert len(built) == 3 and built.read([0])[0].condition.any()


def test_captions_in_another_encoding_are_one_sentence(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    caption = photos / "é 写 #1,x=2.txt"
    caption.write_bytes("\ufeffcafé".encode())
    assert open_source(str(photos), extraction_of("canny", {}), 32).read([1])[0].caption == "café"
    caption.write_bytes(b"caf\xe9")
    words = ["dataset", "build", str(photos), "--conditions", "canny", "--out", str(tmp_path / "set")]
    assert main(words) == 2
    assert "#1,x=2.txt is not in UTF-8" in capsys.readouterr().err
    (photos / "metadata.jsonl").write_bytes(b'{"file_name": "\xe9"}')
    assert main(words) == 2
    assert "metadata.jsonl is not in UTF-8" in capsys.readouterr().err


def test_a_picture_that_has_gone_is_reported(photos: Path, tmp_path: Path) -> None:
    steps = annotate_folder(photos, tmp_path / "out", CANNY, workers=0)
    next(steps)
    (photos / "é 写 #1,x=2.png").unlink()
    assert list(steps)[-1].done == 1
    assert list(report(tmp_path / "out")) == ["é 写 #1,x=2.png"]
