"""COCO as training data: captions, poses and segmentation images from its annotations."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from zeroconv.conditions import coco
from zeroconv.conditions.person import from_coco, mirrored_body
from zeroconv.conditions.skeleton import draw_pose
from zeroconv.data.coco_images import DrawnPoses
from zeroconv.data.extraction import extraction_of
from zeroconv.data.listing import list_folder
from zeroconv.data.masks import decode
from zeroconv.data.opening import open_source
from zeroconv.data.places import Mirrors, read_place
from zeroconv.errors import UserError

REAL = Path(__file__).parents[3] / "shared" / "data" / "coco"
SIZE = (60, 80)
PERSON = [number for k in range(17) for number in (20 + 2 * k, 10 + 3 * (k % 9), 2)]
NAMES = [{"id": 1, "name": "person"}, {"id": 18, "name": "dog"}, {"id": 149, "name": "road"}]


def write(path: Path, annotations: list[dict[str, Any]], **more: object) -> None:
    images = [{"id": k, "file_name": f"{k:012d}.jpg", "height": SIZE[0], "width": SIZE[1]} for k in (7, 5, 9)]
    numbered = [{"id": 100 - place, **one} for place, one in enumerate(annotations)]
    path.write_text(json.dumps({"images": images, "annotations": numbered, **more}))


def square(left: int, top: int, side: int) -> list[list[int]]:
    return [[left, top, left + side, top, left + side, top + side, left, top + side]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three pictures of one split as COCO lays them out; two persons in 5, a crowd in 7, nobody in 9."""
    (tmp_path / "val2017").mkdir()
    notes = tmp_path / "annotations"
    (notes / "panoptic_val2017").mkdir(parents=True)
    for key in (5, 7, 9):
        Image.new("RGB", SIZE[::-1], (key, 9, 9)).save(tmp_path / "val2017" / f"{key:012d}.jpg")
    texts = [(5, "later"), (5, " first "), (7, "a crowd")]
    write(notes / "captions_val2017.json", [{"image_id": key, "caption": text} for key, text in texts])
    person = {"category_id": 1, "keypoints": PERSON, "num_keypoints": 17, "iscrowd": 0}
    nobody = {**person, "keypoints": [0] * 51, "num_keypoints": 0}
    crowd = {**nobody, "image_id": 7, "iscrowd": 1}
    write(notes / "person_keypoints_val2017.json", [{**person, "image_id": 5}, {**nobody, "image_id": 5}, crowd])
    large = {"image_id": 5, "category_id": 1, "segmentation": square(10, 10, 40), "area": 1600, "iscrowd": 0}
    small = {"image_id": 5, "category_id": 18, "segmentation": square(20, 20, 10), "area": 100, "iscrowd": 0}
    write(notes / "instances_val2017.json", [small, large], categories=NAMES)
    return tmp_path


def panoptic(folder: Path) -> None:
    """A left half of the person's segment 300 (more than a byte), a right half of road, one row that is unlabelled."""
    pixels = np.zeros((*SIZE, 3), np.uint8)
    pixels[:, :40], pixels[:, 40:], pixels[0] = (300 % 256, 300 // 256, 0), (1, 0, 2), 0
    Image.fromarray(pixels).save(folder / "annotations" / "panoptic_val2017" / "000000000005.png")
    segments = [{"id": 300, "category_id": 1}, {"id": 1 + 2 * 65536, "category_id": 149}]
    one = {"image_id": 5, "file_name": "000000000005.png", "segments_info": segments}
    write(folder / "annotations" / "panoptic_val2017.json", [one], categories=NAMES)


def test_captions_are_texts_the_first_of_each(folder: Path) -> None:
    for place in (folder, folder / "annotations" / "captions_val2017.json"):
        listing = list_folder(place, "canny")
        assert listing.layout == "coco"
        assert [entry.caption for entry in listing.entries] == ["first", "a crowd", ""]
        assert [entry.name for entry in listing.entries] == [f"{key:012d}.jpg" for key in (5, 7, 9)]
        assert all(entry.condition is None for entry in listing.entries)


def test_persons_are_drawn_as_openpose_draws_them(folder: Path) -> None:
    (entry,) = list_folder(folder, "pose").entries
    assert entry.caption == "first" and entry.condition is not None
    drawn = np.asarray(read_place(entry.condition))
    body = from_coco(np.array(PERSON, np.float32).reshape(17, 3))
    assert np.array_equal(drawn, draw_pose([body], SIZE)) and drawn.any()
    (example,) = open_source(str(folder), extraction_of("pose", {}), 32).read([0])
    assert example.condition.shape == (32, 32, 3) and example.condition.any()


def test_small_objects_lie_on_large_ones(folder: Path) -> None:
    (entry,) = list_folder(folder, "segmentation").entries
    assert entry.condition is not None
    drawn = np.asarray(read_place(entry.condition))
    assert [tuple(drawn[y, x]) for y, x in ((15, 15), (25, 25), (5, 5))] == [(220, 20, 60), (0, 226, 252), (0, 0, 0)]


def test_panoptic_maps_come_before_instances(folder: Path) -> None:
    panoptic(folder)
    (entry,) = list_folder(folder, "segmentation").entries
    assert entry.condition is not None
    drawn = np.asarray(read_place(entry.condition))
    assert [tuple(drawn[y, x]) for y, x in ((9, 9), (9, 60), (0, 9))] == [(220, 20, 60), (128, 64, 128), (0, 0, 0)]


def test_other_annotations_are_another_source(folder: Path) -> None:
    def described(condition: str) -> str:
        return str(open_source(str(folder), extraction_of(condition, {}), 16).describe())

    notes = folder / "annotations"
    for condition, name in (("pose", "person_keypoints"), ("segmentation", "instances")):
        first = described(condition)
        assert described(condition) == first
        path = notes / f"{name}_val2017.json"
        path.write_text(path.read_text().replace("20", "21"))
        assert described(condition) != first


def test_what_cannot_be_used_is_said(folder: Path) -> None:
    notes = folder / "annotations"
    (notes / "captions_train2017.json").write_text("{}")
    with pytest.raises(
        UserError, match=r"holds the splits train2017, val2017; name a file of one, as .*captions_train"
    ):
        list_folder(folder, "pose")
    with pytest.raises(UserError, match="is no COCO annotation: expected an object with the lists"):
        list_folder(notes / "captions_train2017.json", "pose")
    (notes / "captions_train2017.json").unlink()
    write(notes / "instances_val2017.json", [], categories=[{"id": 1, "name": "helmet"}])
    with pytest.raises(UserError, match=r"class 1 is 'helmet', where COCO has 'person'; .* 133 classes alone"):
        list_folder(folder, "segmentation")
    write(notes / "person_keypoints_val2017.json", [{"image_id": 5, "num_keypoints": 3, "keypoints": [1, 2]}])
    with pytest.raises(UserError, match=r"person_keypoints_val2017.json is not as COCO writes it"):
        list_folder(folder, "pose")
    (folder / "val2017" / "000000000007.jpg").unlink()
    with pytest.raises(UserError, match=r"list 000000000007.jpg, which .*val2017 does not hold"):
        list_folder(folder, "canny")
    (folder / "val2017").rename(folder / "elsewhere")
    with pytest.raises(UserError, match=r"none of the pictures that .*annotations lists is in"):
        list_folder(folder, "canny")


def test_a_mask_that_is_damaged_is_the_fault_of_one_picture(folder: Path) -> None:
    one = {"image_id": 5, "category_id": 1, "segmentation": {"size": [3, 3], "counts": [9]}, "area": 9}
    write(folder / "annotations" / "instances_val2017.json", [one], categories=NAMES)
    (entry,) = list_folder(folder, "segmentation").entries
    assert entry.condition is not None
    with pytest.raises(UserError, match="image 5 has a mask that cannot be read"):
        read_place(entry.condition)


def test_somebodys_own_list_of_captions_is_not_coco(tmp_path: Path) -> None:
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")
    (tmp_path / "captions.json").write_text('{"a.png": "an a"}')
    assert list_folder(tmp_path, "canny").layout == "sidecars"


@pytest.mark.skipif(not REAL.is_dir(), reason="needs annotated photographs in ../shared/data/coco")
def test_real_annotations() -> None:
    posed, segmented, every = (list_folder(REAL, name).entries for name in ("pose", "segmentation", "canny"))
    assert len(every) == 26 and all(entry.caption for entry in every)
    assert 5 <= len(posed) < 26 and all(np.asarray(read_place(e.condition)).any() for e in posed if e.condition)
    for entry in segmented:
        assert entry.condition is not None
        assert read_place(entry.condition).size == read_place(entry.picture).size
    assert {tuple(c) for e in segmented[:5] if e.condition for c in np.unique(_pixels(e.condition), axis=0)} <= {
        (0, 0, 0),
        *coco.COLOURS.values(),
    }


@pytest.mark.skipif(not REAL.is_dir(), reason="needs annotated photographs in ../shared/data/coco")
def test_real_masks_have_the_areas_that_are_written_beside_them() -> None:
    content = json.loads((REAL / "instances.json").read_text())
    sizes = {image["id"]: (image["height"], image["width"]) for image in content["images"]}
    large = [one for one in content["annotations"] if one["area"] > 2000]
    drawn = [decode(one["segmentation"], sizes[one["image_id"]]).sum() for one in large]
    assert len(large) > 50
    apart = np.abs(np.array(drawn) / [one["area"] for one in large] - 1)
    assert apart.max() < 0.1 and (apart < 0.02).mean() > 0.9  # the written area counts overlapping polygons twice
    crowds = [one for one in content["annotations"] if isinstance(one["segmentation"], dict)]
    assert crowds
    for one in crowds:
        y, x = np.nonzero(decode(one["segmentation"], sizes[one["image_id"]]))
        assert [x.min(), y.min(), x.max() - x.min(), y.max() - y.min()] == one["bbox"]


def _pixels(place: Any) -> np.ndarray:
    return np.asarray(read_place(place)).reshape(-1, 3)


def test_mirrored_persons_are_drawn_anew(folder: Path) -> None:
    source = open_source(str(folder), extraction_of("pose", {}), 32)
    (entry,) = list_folder(folder, "pose").entries
    assert isinstance(entry.condition, Mirrors)
    (mirrored,) = source.mirrored().read([0])
    keypoints = np.array(PERSON, np.float32).reshape(17, 3)
    drawn = draw_pose([mirrored_body(from_coco(keypoints), SIZE[1] - 1)], SIZE)
    assert np.array_equal(np.asarray(read_place(entry.condition.mirrored())), drawn)
    assert mirrored.condition.any() and not np.array_equal(mirrored.condition, source.read([0])[0].condition[:, ::-1])


def test_joints_lie_where_the_cut_drawing_shows_them(folder: Path) -> None:
    (entry,) = list_folder(folder, "pose").entries
    poses = entry.condition
    assert isinstance(poses, DrawnPoses)
    centre = np.zeros((1, 17, 3), np.float32)
    centre[0, 5], centre[0, 6], centre[0, 7] = (39.5, 29.5, 2), (10.5, 29.5, 1), (2, 29.5, 2)  # the last is cut off
    (body,) = replace(poses, persons=centre).bodies((30, 30))  # (60, 80) cut to its middle square, halved
    assert body[5].tolist() == pytest.approx([14.5, 14.5, 1])
    assert body[2].tolist() == pytest.approx([0, 14.5, 1])
    assert body[6, 2] == 0 and body[:, 2].sum() == 3  # with the neck between the shoulders
    assert replace(poses, persons=centre[:0]).bodies((30, 30)) == []
