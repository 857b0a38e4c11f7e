"""Data sets from annotated photographs: what the annotations tell is drawn from them, the rest from the pictures."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from zeroconv import conditions
from zeroconv.conditions import ade20k
from zeroconv.dataset import Plan, build
from zeroconv.errors import UserError


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Three pictures of COCO's layout, persons in the first and the third, an object in the second and the third."""
    folder = tmp_path / "coco"
    (folder / "images").mkdir(parents=True)
    noise = np.random.default_rng(0)
    images = [{"id": k, "file_name": f"{k}.png", "height": 60, "width": 60} for k in range(3)]
    for image in images:
        Image.fromarray(noise.integers(0, 255, (60, 60, 3), np.uint8)).save(folder / "images" / str(image["file_name"]))
    body = [number for k in range(17) for number in (5 + 3 * k, 5 + 3 * k, 2)]
    persons = [{"id": k, "image_id": k, "num_keypoints": 17, "keypoints": body} for k in (0, 2)]
    polygon = [[0, 0, 30, 0, 30, 60, 0, 60]]
    objects = [{"id": k, "image_id": k, "category_id": 1, "segmentation": polygon, "area": 1800} for k in (1, 2)]
    named = [{"id": 1, "name": "person"}]
    for name, annotations in (("person_keypoints", persons), ("instances", objects)):
        content = {"images": images, "annotations": annotations, "categories": named}
        (folder / f"{name}.json").write_text(json.dumps(content))
    return folder


def run(photos: Path, out: Path, plan: Plan) -> list[dict[str, object]]:
    for _progress in build(photos, out, plan, workers=0):
        pass
    return [json.loads(line) for line in (out / "metadata.jsonl").read_text().splitlines()]


def test_annotations_come_before_detectors(photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    (row,) = run(photos, out, Plan(conditions=("pose", "segmentation", "canny"), size=32))
    assert row["source"] == "2.png"  # the only picture of which both are known
    assert row["pose_options"] == row["segmentation_options"] == {"source": "annotations"}
    classes, pose, edges, picture = (
        np.asarray(Image.open(out / name / "2.png")) for name in ("segmentation", "pose", "canny", "image")
    )
    assert pose.any() and [tuple(classes[9, x]) for x in (3, 29)] == [(220, 20, 60), (0, 0, 0)]
    assert {tuple(pixel) for pixel in classes.reshape(-1, 3)} == {(220, 20, 60), (0, 0, 0)}
    assert np.array_equal(edges, conditions.create("canny")(picture))
    assert json.loads((out / "export.json").read_text())["annotated"] == ["pose", "segmentation"]
    assert len(run(photos, tmp_path / "poses", Plan(conditions=("pose",), size=32))) == 2
    assert len(run(photos, tmp_path / "edges", Plan(conditions=("canny",), size=32))) == 3


def test_options_ask_for_a_detector(photos: Path, tmp_path: Path) -> None:
    plan = Plan(conditions=("segmentation",), size=32, options={"segmentation": {"weights": "./none"}})
    with pytest.raises(UserError, match=r"no network at './none'"):
        run(photos, tmp_path / "out", plan)


def test_label_maps_are_cut_as_the_pictures_are(tmp_path: Path) -> None:
    root = tmp_path / "ade"
    for kind in ("images", "annotations"):
        (root / kind / "training").mkdir(parents=True)
    classes = np.zeros((40, 80), np.uint8)
    classes[:, 30:50] = 3
    Image.fromarray(classes).save(root / "annotations" / "training" / "a.png")
    Image.fromarray(classes * 80).convert("RGB").save(root / "images" / "training" / "a.jpg", quality=95)
    run(root, tmp_path / "out", Plan(conditions=("segmentation",), size=40))
    drawn = np.asarray(Image.open(tmp_path / "out" / "segmentation" / "a.png"))
    assert np.array_equal((drawn == ade20k.PALETTE[2]).all(2), np.pad(np.ones((40, 20), bool), ((0, 0), (10, 10))))
