"""Pictures of one's own as training data."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from zeroconv import conditions
from zeroconv.data.extraction import extraction_of
from zeroconv.data.folder import FolderSource
from zeroconv.data.opening import open_source
from zeroconv.errors import UserError
from zeroconv.scenes.fill50k import export_fill50k


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Forty pictures 40 x 24, each half of one grey, with a caption."""
    for number in range(40):
        picture = np.zeros((24, 40, 3), np.uint8)
        picture[:, 20:] = 100 + number
        Image.fromarray(picture).save(tmp_path / f"{number:02d}.png")
        (tmp_path / f"{number:02d}.txt").write_text(f"number {number}")
    return tmp_path


def test_conditions_are_made_from_the_picture_as_it_is_seen(folder: Path) -> None:
    source = open_source(str(folder), extraction_of("canny", {}), 16)
    (example,) = source.read([3])
    assert example.image.shape == example.condition.shape == (16, 16, 3)
    assert (example.name, example.caption, example.index) == ("03.png", "number 3", 3)
    assert np.array_equal(example.condition, conditions.create("canny")(example.image))
    assert example.condition.any()


def test_ready_conditions_are_cut_as_the_picture_is(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    ready = tmp_path_factory.mktemp("ready")
    for path in folder.glob("*.png"):
        Image.open(path).point(lambda value: 255 * (value > 50)).save(ready / path.name)
    source = open_source(f"folder:{folder},conditions={ready}", extraction_of("segmentation", {}), 12)
    (example,) = source.read([0])
    assert set(np.unique(example.condition)) == {0, 255}  # scaled without mixing values
    assert np.array_equal(example.condition[:, :, 0] > 0, example.image[:, :, 0] > 50)


def test_the_same_tenth_is_held_out_whenever_the_folder_is_read(folder: Path) -> None:
    def names(source: FolderSource | None) -> list[str]:
        assert source is not None
        return [entry.name for entry in source.entries]

    first, second = (FolderSource.open(folder, None, extraction_of("canny", {}), 16).split(32) for _ in range(2))
    assert names(first[1]) == names(second[1])  # type: ignore[arg-type]
    assert len(names(first[1])) == 4
    assert sorted(names(first[0]) + names(first[1])) == [f"{number:02d}.png" for number in range(40)]
    assert FolderSource.open(folder, None, extraction_of("canny", {}), 16).split(0)[1] is None


def test_another_caption_or_picture_is_another_source(folder: Path) -> None:
    def described() -> object:
        return FolderSource.open(folder, None, extraction_of("canny", {}), 16).describe()

    first = described()
    assert described() == first
    (folder / "07.txt").write_text("changed")
    second = described()
    Image.new("RGB", (40, 24), "white").save(folder / "08.png")
    assert len({str(first), str(second), str(described())}) == 3


def test_the_tutorial_set_is_read_with_a_condition_of_its_own(tmp_path: Path) -> None:
    list(export_fill50k(tmp_path, count=3, seed=1, size=64))
    source = open_source(f"folder:{tmp_path}", extraction_of("custom", {}), 32)
    examples = source.read(range(3))
    assert all("circle" in example.caption for example in examples)
    assert all(example.condition.any() for example in examples)


def test_a_condition_that_cannot_be_made_must_be_there(folder: Path) -> None:
    with pytest.raises(UserError, match=r"00.png has no custom image, .* metadata.jsonl as custom_file_name"):
        open_source(str(folder), extraction_of("custom", {}), 16)


def test_what_is_no_data_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"a folder of pictures, tar shards.*, or 'scenes:COUNT'.*which is no folder"):
        open_source(str(tmp_path / "nowhere"), extraction_of("canny", {}), 16)
