"""Tar shards as people have them: how their files belong together, and what is said of those that are damaged."""

import io
import json
import tarfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from zeroconv.data.extraction import extraction_of
from zeroconv.data.listing import list_folder
from zeroconv.data.opening import open_source
from zeroconv.data.places import read_place
from zeroconv.data.sources import Cuttable
from zeroconv.errors import UserError


def encoded(level: int, kind: str = "PNG") -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (20, 16), (level, 50, 90)).save(buffer, format=kind)
    return buffer.getvalue()


def write_tar(path: Path, files: dict[str, bytes], mode: str = "w") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


def test_files_of_one_key_are_an_example(tmp_path: Path) -> None:
    files = {
        "train/a.jpg": encoded(10, "JPEG"),
        "train/a.txt": b"an a\n",
        "train/a.midas.png": encoded(11),
        "train/b.PNG": encoded(20),
        "train/b.json": json.dumps({"caption": "a b", "score": 3}).encode(),
        "train/b.conditioning_image.png": encoded(21),
        "c.webp": encoded(30, "WEBP"),
        "README": b"no key",
    }
    write_tar(tmp_path / "x.tar", files)
    listing = list_folder(tmp_path, "depth")
    assert listing.layout == "webdataset"
    assert [(e.name, e.caption) for e in listing.entries] == [
        ("x.tar/train/a", "an a"),
        ("x.tar/train/b", "a b"),
        ("x.tar/c", ""),
    ]
    levels = [np.asarray(read_place(e.condition))[0, 0, 0] for e in listing.entries if e.condition is not None]
    assert levels == [11, 21] and listing.entries[2].condition is None
    assert np.asarray(read_place(listing.entries[1].picture))[0, 0, 0] == 20


def test_a_folder_a_pattern_and_a_single_shard_are_read(tmp_path: Path) -> None:
    for number in range(12):
        write_tar(tmp_path / f"{number % 2}" / f"s{number:02d}.tar", {"k.png": encoded(number), "k.txt": b"words"})
    canny = extraction_of("canny", {})
    assert len(open_source(str(tmp_path / "0"), canny, 32)) == 6
    assert len(open_source(str(tmp_path / "*" / "s0*.tar"), canny, 32)) == 10
    source = open_source(str(tmp_path / "1" / "s03.tar"), canny, 16)
    (example,) = source.read([0])
    assert (example.name, example.caption, example.image[0, 0, 0]) == ("s03.tar/k", "words", 3)
    names = [entry.name for entry in list_folder(tmp_path / "*" / "*.tar", "canny").entries]
    assert len(set(names)) == 12 and names[0] == "0/s00.tar/k"


def test_another_content_is_another_source(tmp_path: Path) -> None:
    def described() -> str:
        return str(open_source(str(tmp_path), extraction_of("canny", {}), 16).describe())

    write_tar(tmp_path / "x.tar", {"k.png": encoded(1), "k.txt": b"words"})
    first = described()
    write_tar(tmp_path / "x.tar", {"k.png": encoded(1), "k.txt": b"other"})
    assert described() != first


def test_what_is_wrong_is_named(tmp_path: Path) -> None:
    write_tar(tmp_path / "a.tar", {"k.txt": b"words", "k.npy": b""})
    with pytest.raises(UserError, match=r"a.tar/k has no picture: expected .png, .*got .txt, .npy"):
        list_folder(tmp_path, "canny")
    whole = write_tar(tmp_path / "b.tar", {"k.png": encoded(1), "l.png": encoded(2)}).read_bytes()
    (tmp_path / "b.tar").write_bytes(whole[:1300])
    write_tar(tmp_path / "c.tar", {"k.png": encoded(1)}, "w:gz")
    write_tar(tmp_path / "d.tar", {"k.png": encoded(1)})
    problems: list[str] = []
    entries = list_folder(tmp_path, "canny", None, problems).entries
    assert [entry.name for entry in entries] == ["d.tar/k"]
    assert "b.tar cannot be read as a tar that is not compressed (it is cut short" in problems[1]
    assert "c.tar cannot be read" in problems[2] and len(problems) == 3
    with pytest.raises(UserError, match=r"tar shards as 'data/\*.tar'"):
        open_source(str(tmp_path / "nothing-*.tar"), extraction_of("canny", {}), 16)


def test_shards_that_the_webdataset_package_wrote_are_read(tmp_path: Path) -> None:
    webdataset = pytest.importorskip("webdataset", reason="needs the package webdataset, which is no dependency")
    picture = np.arange(16 * 20 * 3, dtype=np.uint8).reshape(16, 20, 3)
    with webdataset.ShardWriter(str(tmp_path / "s-%02d.tar"), maxcount=2, verbose=0) as writer:
        for number in range(3):
            sample = {"__key__": f"k{number}", "png": picture + number, "txt": f"number {number}"}
            writer.write({**sample, "canny.png": picture // 128 * 255, "json": {"n": number}})
    entries = list_folder(tmp_path, "canny").entries
    assert [(e.name, e.caption) for e in entries] == [(f"s-0{n // 2}.tar/k{n}", f"number {n}") for n in range(3)]
    assert np.array_equal(np.asarray(read_place(entries[2].picture)), picture + 2)
    assert entries[2].condition is not None
    assert np.array_equal(np.asarray(read_place(entries[2].condition)), picture // 128 * 255)


def test_pictures_in_shards_are_measured_and_cut_into_buckets(tmp_path: Path) -> None:
    write_tar(tmp_path / "x.tar", {"a.png": encoded(1), "b.jpg": encoded(2, "JPEG")})
    source = open_source(str(tmp_path), extraction_of("grey", {}), 32)
    assert isinstance(source, Cuttable) and source.shapes() == [(20, 16), (20, 16)]
    (example,) = source.part([1], (40, 24)).read([0])
    assert example.image.shape == example.condition.shape == (24, 40, 3)
    assert (example.name, example.sizes) == ("x.tar/b", (16, 20, 4, 0, 24, 40))
