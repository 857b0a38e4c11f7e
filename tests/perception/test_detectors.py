"""The tier `scenes`: what the perception network that ships reads, beside the exact truth."""

from typing import Any

import numpy as np
import pytest

from zeroconv import conditions, scenes
from zeroconv.conditions import installed, scene_tier
from zeroconv.errors import UserError
from zeroconv.perception import detectors
from zeroconv.scenes.truth import condition_images

HELD_OUT = 2_000_000


@pytest.fixture(scope="module")
def world() -> tuple[scenes.Render, list[scenes.Scene]]:
    sampled = [scenes.sample_scene(HELD_OUT, index) for index in range(12)]
    return scenes.render(sampled, size=128), sampled


def both(world: Any, name: str) -> tuple[np.ndarray, np.ndarray]:
    """What is read and what is true, (N, 128, 128, 3) each."""
    render, sampled = world
    extract = conditions.create(name, method="scenes")
    return np.stack([extract(picture) for picture in render.rgb.numpy()]), condition_images(name, render, sampled)


def test_classes_are_read_in_the_worlds_palette(world: Any) -> None:
    found, true = both(world, "segmentation")
    assert (found == true).all(-1).mean() > 0.93


def test_near_is_bright_in_depths(world: Any) -> None:
    found, true = both(world, "depth")
    assert np.abs(found.astype(float) - true).mean() < 20
    assert min(np.corrcoef(f.ravel(), t.ravel())[0, 1] for f, t in zip(found, true, strict=True)) > 0.8


def test_normals_point_where_surfaces_face(world: Any) -> None:
    found, true = (picture / 127.5 - 1 for picture in both(world, "normal"))
    cosine = (found * true).sum(-1) / np.linalg.norm(found, axis=-1) / np.linalg.norm(true, axis=-1)
    assert cosine.mean() > 0.93
    on_objects = world[0].instances.numpy() > 0
    assert cosine[on_objects].mean() > 0.7
    reversed_normals = conditions.create("normal", method="scenes", channels="BGR")(world[0].rgb[0].numpy())
    assert np.array_equal(
        reversed_normals[..., ::-1], conditions.create("normal", method="scenes")(world[0].rgb[0].numpy())
    )


def test_soft_edges_lie_on_the_outlines(world: Any) -> None:
    found, true = (picture[..., 0].astype(float) for picture in both(world, "hed"))
    assert found[true > 128].mean() > 4 * found[true == 0].mean()


def test_a_persons_joints_are_found_and_scale_with_the_picture(world: Any) -> None:
    render, _ = world
    shown = [k for k, persons in enumerate(render.keypoints) if persons and (persons[0][:, 2] == 2).sum() > 14]
    picture, true = render.rgb[shown[0]].numpy(), render.keypoints[shown[0]][0].numpy()
    pose = conditions.create("pose", method="scenes")
    assert isinstance(pose, conditions.Pose)
    (person,) = pose.persons(picture)
    is_seen = (true[:, 2] == 2) & (person.body[:, 2] > 0)
    distances = np.hypot(*(person.body - true)[is_seen, :2].T)
    assert is_seen.sum() > 8
    assert np.median(distances) < 3
    (larger,) = pose.persons(np.repeat(np.repeat(picture, 2, 0), 2, 1))
    assert np.allclose(larger.body[:, :2], 2 * person.body[:, :2])
    assert pose(picture).any()
    assert "pose_keypoints_2d" in pose.to_json(picture)


@pytest.mark.parametrize("name", sorted(detectors.DETECTED))
def test_pictures_of_any_size_keep_it(name: str) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (75, 201, 3), np.uint8)
    native = picture[:75, :75].repeat(2, 0).repeat(2, 1)[:128, :128]
    native.flags.writeable = False  # as pictures from files are
    assert conditions.create(name, method="scenes")(native).shape == (128, 128, 3)
    assert conditions.create(name, method="scenes")(picture).shape == (75, 201, 3)


def test_what_is_not_read_is_refused_by_name() -> None:
    with pytest.raises(UserError, match="reads no canny"):
        detectors.detect("canny", np.zeros((128, 128, 3), np.uint8))


def test_a_missing_entry_point_is_said_in_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installed, "entry_points", lambda **_: ())
    scene_tier.reader.cache_clear()
    with pytest.raises(UserError, match="needs the package to be installed anew"):
        conditions.create("depth", method="scenes")(np.zeros((16, 16, 3), np.uint8))
    scene_tier.reader.cache_clear()
