"""COCO's keypoints in OpenPose's order, with the neck between the shoulders."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from zeroconv.conditions.person import from_coco, from_coco_whole_body
from zeroconv.conditions.skeleton import draw_pose
from zeroconv.scenes.figure import KEYPOINTS

COCO = Path(__file__).parents[3] / "shared" / "data" / "coco"
COCO_ORDER = (
    "nose", "left eye", "right eye", "left ear", "right ear", "left shoulder", "right shoulder", "left elbow",
    "right elbow", "left wrist", "right wrist", "left hip", "right hip", "left knee", "right knee", "left ankle",
    "right ankle",
)  # fmt: skip


def coco_person() -> np.ndarray:
    return np.array([(10.0 * k, 100.0 + k, 2.0) for k in range(17)], np.float32)


def test_every_joint_finds_its_place() -> None:
    given, body = coco_person(), from_coco(coco_person())
    for place, name in enumerate(KEYPOINTS):
        if name != "neck":
            assert body[place].tolist() == given[COCO_ORDER.index(name)].tolist()


def test_the_neck_is_the_middle_of_the_shoulders() -> None:
    given = coco_person()
    given[6, 2] = 1
    assert from_coco(given)[1].tolist() == [55.0, 105.5, 1.0]
    given[6] = 0
    assert from_coco(given)[1].tolist() == [0, 0, 0]


def test_whole_bodies_have_hands_and_a_face() -> None:
    given = np.array([(k, k, 1.0) for k in range(133)], np.float32)
    person = from_coco_whole_body(given)
    assert person.left_hand is not None and person.right_hand is not None and person.face is not None
    assert [person.face[0, 0], person.left_hand[0, 0], person.right_hand[0, 0]] == [23, 91, 112]
    assert [len(person.face), len(person.left_hand), len(person.right_hand)] == [68, 21, 21]
    assert from_coco_whole_body(given[:17]).face is None


@pytest.mark.skipif(not COCO.is_dir(), reason="needs annotated photographs in ../shared/data/coco")
def test_drawn_over_photographs_limbs_lie_within_the_persons_boxes() -> None:
    content = json.loads((COCO / "person_keypoints.json").read_text())
    drawn = 0
    for picture in content["images"]:
        people = [a for a in content["annotations"] if a["image_id"] == picture["id"] and a["num_keypoints"]]
        if not people or not (COCO / "images" / picture["file_name"]).is_file():
            continue
        with Image.open(COCO / "images" / picture["file_name"]) as image:
            width, height = image.size
        bodies = [from_coco(np.array(person["keypoints"]).reshape(17, 3)) for person in people]
        made = draw_pose(bodies, (height, width)).any(axis=2)
        around = np.zeros((height, width), bool)
        for person in people:
            left, top, wide, high = person["bbox"]
            margin = 12  # discs and limbs are drawn with a radius
            around[max(0, int(top - margin)) : int(top + high + margin) + 1, :][
                :, max(0, int(left - margin)) : int(left + wide + margin) + 1
            ] = True
        assert (made & ~around).sum() <= 0.05 * max(made.sum(), 1)  # hidden joints may lie beyond a box
        drawn += int(made.any())
    assert drawn >= 5
