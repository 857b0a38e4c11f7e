"""Folders of what conditions are made from besides pictures: poses in JSON, depth maps as arrays and deep pictures."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from zeroconv import conditions
from zeroconv.conditions.person import Person
from zeroconv.conditions.pose_file import poses_json
from zeroconv.dataset import Annotation, annotate_folder
from zeroconv.errors import UserError
from zeroconv.images import read_image

POSE = Annotation("pose", {})
DEPTH = Annotation("depth", {"method": "algorithm", "depth_map": "metric"})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "given" / "deep").mkdir(parents=True)
    return tmp_path / "given"


def run(folder: Path, out: Path, annotation: Annotation) -> tuple[list[str], dict[str, str]]:
    """The files that were made, and the reasons why others were not, by source."""
    for _ in annotate_folder(folder, out, annotation, workers=0):
        pass
    skipped = map(json.loads, (out / "skipped.jsonl").read_text().splitlines())
    made = sorted(path.relative_to(out).as_posix() for path in out.rglob("*.png"))
    return made, {row["source"]: row["reason"] for row in skipped}


def draw(path: Path, seed: int) -> None:
    """Write the poses of one person somewhere in a picture of 40 x 30 pixels."""
    places = np.random.default_rng(seed).uniform(2, 28, (18, 2))
    person = Person(np.concatenate([places, np.ones((18, 1))], 1).astype(np.float32))
    path.write_text(poses_json([person], (30, 40)))


def test_poses_in_json(folder: Path, tmp_path: Path) -> None:
    for seed, name in enumerate(("a.json", "deep/b.json")):
        draw(folder / name, seed)
    (folder / "broken.json").write_text("{")
    (folder / "list.json").write_text('{"images": []}')
    (folder / "open.json").write_text((folder / "a.json").read_text().replace("canvas_", ""))
    (folder / "sizeless.json").write_text((folder / "a.json").read_text().replace("canvas_", "other_"))
    made, skipped = run(folder, tmp_path / "out", POSE)
    assert made == ["a.png", "deep/b.png", "open.png"]
    image = np.asarray(read_image(tmp_path / "out" / "deep" / "b.png"))
    assert image.shape == (30, 40, 3) and image.any()
    assert np.array_equal(image, conditions.annotate_file("pose", folder / "deep" / "b.json"))
    assert set(skipped) == {"broken.json", "list.json", "sizeless.json"}
    assert "expected OpenPose's JSON" in skipped["list.json"] and "give --size" in skipped["sizeless.json"]
    first = next(annotate_folder(folder, tmp_path / "out", POSE, workers=0))
    assert first.done == 3


def test_depth_maps_of_all_types(folder: Path, tmp_path: Path) -> None:
    metres = np.random.default_rng(0).uniform(0.5, 9, (20, 26)).astype(np.float32)
    np.save(folder / "a.npy", metres)
    np.savez(folder / "deep" / "b.npz", metres)
    Image.fromarray((metres * 1000).astype(np.uint16)).save(folder / "c.png")
    np.save(folder / "objects.npy", np.array([{}]))
    with pytest.warns(UserWarning, match=r"2 \.npy files and 1 \.npz files beside 1 pictures"):
        made, skipped = run(folder, tmp_path / "out", DEPTH)
    assert made == ["a.png", "c.png", "deep/b.png"] and set(skipped) == {"objects.npy"}
    images = [np.asarray(read_image(tmp_path / "out" / name)).astype(int) for name in made]
    assert np.array_equal(images[0], images[2]) and np.abs(images[0] - images[1]).max() <= 1
    assert images[0].max() == 255


def test_maps_for_which_another_method_was_asked(folder: Path, tmp_path: Path) -> None:
    np.save(folder / "a.npy", np.ones((8, 8)))
    for name in ("depth", "normal"):
        with pytest.raises(UserError, match=rf"a\.npy is a depth map, which {name} reads with method=algorithm"):
            run(folder, tmp_path / name, Annotation(name, {}))


def test_files_beside_pictures_do_not_change_the_names_of_their_images(folder: Path, tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        Image.fromarray(np.random.default_rng(0).integers(0, 255, (20, 26), np.uint8)).save(folder / name)
    np.save(folder / "a.npy", np.random.default_rng(1).random((20, 26)))
    with pytest.warns(UserWarning, match=r"given is mixed: 1 \.npy files beside 2 pictures, .* as NAME\.npy\.png"):
        made, _ = run(folder, tmp_path / "out", DEPTH)
    assert made == ["a.npy.png", "a.png", "b.png"]
    (folder / "a.npy").unlink()
    assert run(folder, tmp_path / "alone", DEPTH)[0] == ["a.png", "b.png"]


def test_only_conditions_that_read_them_list_them(folder: Path, tmp_path: Path) -> None:
    draw(folder / "a.json", 0)
    with pytest.raises(UserError, match=r"holds no pictures; .*: PNG, JPEG, WebP, BMP, TIFF$"):
        run(folder, tmp_path / "out", Annotation("canny", {}))
    with pytest.raises(UserError, match=r"TIFF, \.npy, \.npz$"):
        run(folder, tmp_path / "out", DEPTH)
