"""The layouts of folders that people train from, and what is said of folders that lack something."""

import json
from pathlib import Path

import pytest
from PIL import Image

from zeroconv.data.listing import list_folder
from zeroconv.errors import UserError


def picture(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (8, 8), "red").save(path)
    return path


def lines(path: Path, *rows: object) -> None:
    path.write_text("\n".join(json.dumps(row) for row in rows) + "\n\n")


def test_the_tutorial_layout(tmp_path: Path) -> None:
    picture(tmp_path / "source" / "0.png")
    picture(tmp_path / "target" / "0.png")
    lines(tmp_path / "prompt.json", {"source": "source/0.png", "target": "target/0.png", "prompt": "pale circle"})
    listing = list_folder(tmp_path, "custom")
    (entry,) = listing.entries
    assert listing.layout == "tutorial"
    assert (entry.name, entry.caption) == ("target/0.png", "pale circle")
    assert entry.condition == tmp_path / "source" / "0.png"


@pytest.mark.parametrize("key", ["depth_file_name", "midas_file_name", "conditioning_image", "depth"])
def test_imagefolder_by_any_name_of_the_condition(tmp_path: Path, key: str) -> None:
    picture(tmp_path / "a.png")
    picture(tmp_path / "depth" / "a.png")
    lines(
        tmp_path / "metadata.jsonl", {"file_name": "a.png", "text": "an a", "canny_file_name": "x", key: "depth/a.png"}
    )
    (entry,) = list_folder(tmp_path, "depth").entries
    assert (entry.caption, entry.condition) == ("an a", tmp_path / "depth" / "a.png")


def test_imagefolder_as_csv_and_with_several_captions(tmp_path: Path) -> None:
    picture(tmp_path / "a.png")
    (tmp_path / "metadata.csv").write_text('file_name,text\na.png,"one, two"\n')
    assert list_folder(tmp_path, "canny").entries[0].caption == "one, two"
    lines(tmp_path / "metadata.jsonl", {"file_name": "a.png", "caption": ["first", "second"]})
    assert list_folder(tmp_path, "canny").entries[0].caption == "first"


def test_pictures_with_captions_beside_them_and_conditions_elsewhere(tmp_path: Path) -> None:
    for name in ("b.jpg", "sub/a.png"):
        picture(tmp_path / "train" / name)
        picture(tmp_path / "masks" / Path(name).with_suffix(".png"))
    (tmp_path / "train" / "b.txt").write_text("a b\n")
    (tmp_path / "train" / "sub" / "a.caption").write_text("an a")
    listing = list_folder(tmp_path / "train", "scribble", tmp_path / "masks")
    assert [(e.name, e.caption) for e in listing.entries] == [("b.jpg", "a b"), ("sub/a.png", "an a")]
    assert listing.entries[1].condition == tmp_path / "masks" / "sub" / "a.png"
    assert all(entry.condition is None for entry in list_folder(tmp_path / "train", "canny").entries)


def test_a_picture_without_its_condition_is_named(tmp_path: Path) -> None:
    picture(tmp_path / "train" / "b.png")
    (tmp_path / "masks").mkdir()
    with pytest.raises(UserError, match=r"b.png has no condition image: expected .*masks/b.png"):
        list_folder(tmp_path / "train", "scribble", tmp_path / "masks")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"file_name": "gone.png"}', "line 1 names gone.png, which .* does not hold"),
        ('{"text": "x"}', "line 1 has no file_name"),
        ('{"file_name": 3}', "line 1 has no file_name: expected a path below the folder, got 3"),
        ("[1]", "line 1 is no JSON object, but list"),
        ('{"file_name": ', "line 1 is no JSON object"),
    ],
)
def test_what_is_wrong_with_a_list_is_said_with_its_line(tmp_path: Path, line: str, message: str) -> None:
    (tmp_path / "metadata.jsonl").write_text(line)
    with pytest.raises(UserError, match=message):
        list_folder(tmp_path, "canny")


def test_folders_that_are_none_or_empty(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="must name a folder of pictures"):
        list_folder(tmp_path / "nowhere", "canny")
    with pytest.raises(UserError, match="holds no pictures"):
        list_folder(tmp_path, "canny")
