"""Mirrored captions, pictures and conditions."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from zeroconv import conditions, scenes
from zeroconv.conditions.normal import colours, normals, turned
from zeroconv.conditions.person import mirrored_body
from zeroconv.conditions.skeleton import COLOURS, LIMB_OPACITY, LIMBS, draw_pose
from zeroconv.data.crop import RandomCrop
from zeroconv.data.extraction import extraction_of
from zeroconv.data.folder import FolderSource
from zeroconv.data.mirror import mirrored_caption, mirrored_condition, mirrored_picture
from zeroconv.data.opening import open_source
from zeroconv.data.scenes import SceneSource
from zeroconv.errors import UserError


def photograph(seed: int = 0, size: tuple[int, int] = (60, 90), channels: int = 3) -> np.ndarray:
    """Something with edges of every direction, uint8 (H, W, 3); of one channel: grey."""
    small = np.random.default_rng(seed).integers(0, 256, (6, 7, channels), np.uint8).repeat(3 // channels, 2)
    return np.asarray(Image.fromarray(small).resize(size[::-1], Image.Resampling.BICUBIC))


@pytest.mark.parametrize(
    ("caption", "mirrored"),
    [
        ("a red cube left of a blue ball", "a red cube right of a blue ball"),
        ("Left, RIGHT and Left-hand", "Right, LEFT and Right-hand"),
        ("the leftmost, rightmost and left-most house", "the rightmost, leftmost and right-most house"),
        ("leftwards, rightward, lefthanded", "rightwards, leftward, righthanded"),
        ("a bright copyright sign, upright, theft, lefty", "a bright copyright sign, upright, theft, lefty"),
        ("", ""),
    ],
)
def test_left_and_right_are_exchanged_as_whole_words(caption: str, mirrored: str) -> None:
    assert mirrored_caption(caption) == mirrored
    assert mirrored_caption(mirrored) == caption


@pytest.mark.parametrize("name", ["canny", "depth", "segmentation", "hed", "inpaint", "custom", "normal"])
def test_two_mirrors_undo_each_other(name: str) -> None:
    image = np.random.default_rng(1).integers(0, 256, (5, 7, 3), np.uint8)
    once = mirrored_condition(name, {}, image)
    assert not np.array_equal(once, image)
    assert np.array_equal(mirrored_condition(name, {}, once), image)


@pytest.mark.parametrize(("name", "options", "differing"), [("grey", {}, 0.0), ("blur", {}, 0.0), ("canny", {}, 0.015)])
def test_the_condition_of_the_mirrored_picture_is_the_mirrored_condition(
    name: str, options: dict[str, object], differing: float
) -> None:
    """Canny decides ties between equal neighbours by their order, which a mirror reverses."""
    extract, picture = conditions.create(name, **options), photograph()
    mirrored = mirrored_condition(name, options, extract(picture))
    made = extract(mirrored_picture(picture))
    assert made.std() > 10
    assert (np.abs(made.astype(int) - mirrored) > 1).any(axis=2).mean() <= differing


def test_depth_is_mirrored_with_its_map(tmp_path: Path) -> None:
    extract, depth_map = conditions.create("depth", method="algorithm"), photograph(channels=1)
    assert np.array_equal(extract(mirrored_picture(depth_map)), mirrored_condition("depth", {}, extract(depth_map)))


@pytest.mark.parametrize("channels", ["RGB", "BGR"])
def test_mirrored_normals_are_those_of_the_mirrored_surface(channels: str) -> None:
    extract, depth_map = conditions.create("normal", method="algorithm", channels=channels), photograph(channels=1)
    made, mirrored = extract(mirrored_picture(depth_map)), extract(depth_map)
    mirrored = mirrored_condition("normal", {"channels": channels}, mirrored)
    assert np.abs(made.astype(int) - mirrored).max() <= 1
    assert (made == mirrored).all(axis=2).mean() > 0.95
    assert np.abs(made.astype(int) - mirrored_picture(extract(depth_map))).max() > 50


def test_a_normal_turns_from_left_to_right_and_one_that_faces_the_viewer_stays() -> None:
    to_the_left, to_the_right = (colours(np.array([[[x, 0.0, 0.8]]], np.float32)) for x in (0.6, -0.6))
    assert np.array_equal(turned(to_the_left, "RGB"), to_the_right)
    facing = np.array([[[128, 128, 255]]], np.uint8)
    assert np.array_equal(turned(facing, "RGB"), facing)
    slope = normals(np.linspace(0.2, 1, 40, dtype=np.float32)[None].repeat(40, 0), 0.0, 1.0)
    assert np.array_equal(turned(colours(slope), "RGB")[5:-5, 5:-5], colours(slope * [-1, 1, 1])[5:-5, 5:-5])


def test_the_right_arm_of_a_mirrored_person_is_the_left_one() -> None:
    body = np.zeros((18, 3), np.float32)
    body[2:5] = (100, 50, 2), (150, 200, 2), (200, 300, 2)  # right shoulder, elbow, wrist
    mirrored = mirrored_body(body, 511)
    assert mirrored[5:8].tolist() == [[411, 50, 2], [361, 200, 2], [311, 300, 2]] and not mirrored[2:5, 2].any()
    assert np.array_equal(mirrored_body(mirrored, 511), body)
    before, drawn = draw_pose([body], (512, 512)), draw_pose([mirrored], (512, 512))
    assert (drawn[:, ::-1].any(axis=2) ^ before.any(axis=2)).mean() < 0.01
    right_forearm, left_forearm = (np.multiply(COLOURS[LIMBS.index(limb)], LIMB_OPACITY) for limb in ((3, 4), (6, 7)))
    assert before[250, 175] == pytest.approx(right_forearm, abs=1)
    assert drawn[250, 511 - 175] == pytest.approx(left_forearm, abs=1)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three pictures of several shapes with ready images of every kind beside them in another folder."""
    for number, shape in enumerate([(40, 60), (60, 40), (48, 48)]):
        for below in ("pictures", "ready"):
            (tmp_path / below).mkdir(exist_ok=True)
            Image.fromarray(photograph(number, shape)).save(tmp_path / below / f"{number}.png")
        (tmp_path / "pictures" / f"{number}.txt").write_text("one left of another")
    return tmp_path


@pytest.mark.parametrize("name", ["canny", "grey"])
def test_a_folder_is_mirrored_with_its_conditions(folder: Path, name: str) -> None:
    source = open_source(str(folder / "pictures"), extraction_of(name, {}), 32)
    mirrored = source.mirrored()
    for plain, turned_over in zip(source.read(range(3)), mirrored.read(range(3)), strict=True):
        assert np.array_equal(turned_over.image, plain.image[:, ::-1])
        assert np.array_equal(turned_over.condition, conditions.create(name)(turned_over.image))
        assert (turned_over.caption, turned_over.index) == ("one right of another", plain.index)
    assert mirrored.describe() == {**source.describe(), "mirrored": True}


@pytest.mark.parametrize("name", ["depth", "normal"])
def test_ready_conditions_are_mirrored_as_the_picture_is(folder: Path, name: str) -> None:
    source = open_source(f"folder:{folder / 'pictures'},conditions={folder / 'ready'}", extraction_of(name, {}), 32)
    for plain, mirrored in zip(source.read(range(3)), source.mirrored().read(range(3)), strict=True):
        assert np.array_equal(mirrored.condition, mirrored_condition(name, {}, plain.condition))


def test_a_drawing_of_limbs_is_not_mirrored_in_silence(folder: Path) -> None:
    source = open_source(f"folder:{folder / 'pictures'},conditions={folder / 'ready'}", extraction_of("pose", {}), 32)
    with pytest.raises(UserError, match=r"ready/0.png cannot be mirrored: .* take --flip 0"):
        source.mirrored()
    assert isinstance(source, FolderSource) and source.read([0])[0].condition.any()


@pytest.mark.parametrize("name", ["canny", "normal", "segmentation"])
def test_mirrored_scenes_keep_the_truth(name: str) -> None:
    source = SceneSource(3, extraction_of(name, {}), size=48)
    for plain, mirrored in zip(source.read(range(3)), source.mirrored().read(range(3)), strict=True):
        assert np.array_equal(mirrored.image, plain.image[:, ::-1])
        assert np.array_equal(mirrored.condition, mirrored_condition(name, {}, plain.condition))


def test_poses_of_mirrored_scenes_are_drawn_with_the_sides_exchanged() -> None:
    source = SceneSource(12, extraction_of("pose", {}), size=64)
    pairs = list(zip(source.read(range(12)), source.mirrored().read(range(12)), strict=True))
    drawn = [(plain.condition, mirrored.condition[:, ::-1]) for plain, mirrored in pairs if plain.condition.any()]
    assert len(drawn) >= 2
    for plain, turned_back in drawn:
        assert (plain.any(axis=2) ^ turned_back.any(axis=2)).mean() < 0.02  # the same limbs in the same places
        assert np.abs(plain.astype(int) - turned_back).max() > 100  # in the other side's colours


def test_captions_of_mirrored_scenes_list_from_left_to_right() -> None:
    found = set()
    for index, mirrored in enumerate(SceneSource(60, extraction_of("grey", {}), size=8).mirrored().read(range(60))):
        scene = scenes.sample_scene(1, index)
        order = [scene.caption.index(thing.description) for thing in scene.objects]
        turned_order = [mirrored.caption.index(thing.description) for thing in scene.objects]
        if len({thing.description for thing in scene.objects}) < len(scene.objects) or len(order) == 1:
            continue
        words = next((word for word in (" left of ", " right of ") if word in scene.caption), "")
        found.add((len(order), bool(words)))
        if words:
            assert mirrored.caption == mirrored_caption(scene.caption) != scene.caption
        else:
            assert order == sorted(order) and turned_order == sorted(turned_order, reverse=True)
    assert found == {(2, True), (2, False), (3, False)}


def test_poses_of_one_file_follow_neither_a_mirror_nor_a_cut(tmp_path: Path) -> None:
    Image.fromarray(photograph()).save(tmp_path / "a.png")
    fixed, free = (extraction_of("pose", options) for options in ({"keypoints": "one.json"}, {"method": "scenes"}))
    for data in (str(tmp_path), "scenes:4"):
        with pytest.raises(UserError, match=r"^pose: keypoints=one.json is drawn as it lies .* take --flip 0$"):
            open_source(data, fixed, 32).mirrored()
        open_source(data, free, 32).mirrored()
    with pytest.raises(UserError, match=r"take --crop centre$"):
        FolderSource.open(tmp_path, None, fixed, 32).cut_at_random(RandomCrop(0, 0))
