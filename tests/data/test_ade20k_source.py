"""ADE20K's release as training data: label maps in the palette's colours, scenes as captions."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from zeroconv.conditions import ade20k
from zeroconv.data.extraction import extraction_of
from zeroconv.data.listing import list_folder
from zeroconv.data.opening import open_source
from zeroconv.data.places import read_place
from zeroconv.errors import UserError

REAL = Path(__file__).parents[3] / "shared" / "data" / "ade20k"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two pictures of the split `training`, whose maps have the classes 0, 1, 4 and 150."""
    for name in ("images", "annotations"):
        (tmp_path / name / "training").mkdir(parents=True)
    for number in (2, 1):
        name = f"ADE_train_{number:08d}"
        Image.new("RGB", (40, 30), (number, 0, 0)).save(tmp_path / "images" / "training" / f"{name}.jpg")
        classes = np.repeat(np.array([[0, 1, 4, 150]], np.uint8), 30, 0).repeat(10, 1)
        Image.fromarray(classes).save(tmp_path / "annotations" / "training" / f"{name}.png")
    scenes = "ADE_train_00000001 airport_terminal\nADE_train_00000002 misc\n"
    (tmp_path / "sceneCategories.txt").write_text(scenes)
    return tmp_path


def test_label_maps_become_colours(folder: Path) -> None:
    for place in (folder, folder / "images" / "training"):
        listing = list_folder(place, "segmentation")
        assert listing.layout == "ade20k"
        assert [entry.caption for entry in listing.entries] == ["airport terminal", ""]
        assert listing.entries[0].condition is not None
        row = np.asarray(read_place(listing.entries[0].condition))[3, ::10]
        assert row.tolist() == [[0, 0, 0], *ade20k.PALETTE[[0, 3, 149]].tolist()]
    assert all(entry.condition is None for entry in list_folder(folder, "depth").entries)
    (example,) = open_source(str(folder), extraction_of("segmentation", {}), 16).read([1])
    assert {tuple(pixel) for pixel in example.condition.reshape(-1, 3)} <= {(0, 0, 0), *map(tuple, ade20k.PALETTE)}


def test_what_cannot_be_used_is_said(folder: Path) -> None:
    labels = folder / "annotations" / "training" / "ADE_train_00000001.png"
    for picture, message in (
        (Image.new("RGB", (40, 30)), "is no map of classes: expected a grey PNG .* got mode RGB"),
        (Image.new("L", (40, 30), 151), "1 to 150, 0 for unlabelled, but the map has 151"),
    ):
        picture.save(labels)
        entry = list_folder(folder, "segmentation").entries[0]
        assert entry.condition is not None
        with pytest.raises(UserError, match=message):
            read_place(entry.condition)
    labels.unlink()
    with pytest.raises(UserError, match=r"00000001.jpg has no label map: expected .*00000001.png"):
        list_folder(folder, "segmentation")
    for name in ("images", "annotations"):
        shutil.copytree(folder / name / "training", folder / name / "validation")
    with pytest.raises(UserError, match=r"holds the splits training, validation; name the folder of one, as "):
        list_folder(folder, "segmentation")
    assert len(list_folder(folder / "images" / "validation", "canny").entries) == 2


@pytest.mark.skipif(not REAL.is_dir(), reason="needs the official files in ../shared/data/ade20k")
def test_a_real_map(tmp_path: Path) -> None:
    for kind, suffix in (("images", ".jpg"), ("annotations", ".png")):
        (tmp_path / kind / "validation").mkdir(parents=True)
        shutil.copy(REAL / f"ADE_val_00000001{suffix}", tmp_path / kind / "validation")
    (entry,) = list_folder(tmp_path, "segmentation").entries
    assert entry.condition is not None
    drawn = np.asarray(read_place(entry.condition))
    assert np.array_equal(ade20k.to_classes(drawn) > 0, np.asarray(Image.open(REAL / "ADE_val_00000001.png")) > 0)
    assert drawn.shape[:2] == read_place(entry.picture).size[::-1]
