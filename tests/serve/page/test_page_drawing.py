"""The boards of the page in a real browser: a pose, a region, a segmentation, and the photograph's condition image."""

import json
from pathlib import Path

import numpy as np
import pytest
from page_server import Served, add_control, drag, picture_in, read_stack, stroke
from PIL import Image
from playwright.sync_api import Page, expect

from zeroconv.conditions.person import mirrored_body
from zeroconv.conditions.pose_file import poses_of
from zeroconv.scenes.vocabulary import CLASSES, PALETTE

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:zeroconv")
RIGHT_WRIST = 4


def test_a_joint_is_dragged_and_the_figure_mirrored_and_exported(page: Page, tmp_path: Path) -> None:
    control = add_control(page, "pose", "Draw")
    before = _body(_poses(page))
    wrist = control.locator(f"[data-joint='{RIGHT_WRIST}']")
    drag(page, wrist, (30, -60))
    moved = _body(_poses(page))
    assert np.flatnonzero((moved != before).any(1)).tolist() == [RIGHT_WRIST]
    wrist.focus()
    page.keyboard.press("ArrowRight")
    assert _body(_poses(page))[RIGHT_WRIST, 0] > moved[RIGHT_WRIST, 0]
    page.keyboard.press("h")
    hidden = _body(_poses(page))
    assert hidden[RIGHT_WRIST].tolist() == [0, 0, 0]
    control.get_by_role("button", name="Show all joints").click()
    whole = _body(_poses(page))
    control.get_by_role("button", name="Mirror figure").click()
    width = whole[:, 0].min() + whole[:, 0].max()
    assert np.allclose(_body(_poses(page)), mirrored_body(whole.copy(), width), atol=0.02)
    with page.expect_download() as download:
        control.get_by_role("button", name="Export JSON").click()
    download.value.save_as(tmp_path / "pose.json")
    exported = json.loads((tmp_path / "pose.json").read_text("utf-8"))
    assert exported == _poses(page)
    control.get_by_role("button", name="Delete figure").click()
    assert not read_stack(page)
    control.get_by_label("Import OpenPose JSON").set_input_files(tmp_path / "pose.json")
    expect(control.locator("[data-joint]")).to_have_count(18)
    assert _poses(page) == exported


def test_a_region_is_painted_over_the_photograph_with_its_condition_live(page: Page, photo: Path) -> None:
    control = add_control(page, "canny", "From a photo")
    control.get_by_label("Photo").set_input_files(photo)
    image = control.get_by_alt_text("The Canny edges image of control 1")
    expect(image).to_be_visible()
    first = image.get_attribute("src")
    control.get_by_label("High, as a number").fill("90")
    control.get_by_label("Low, as a number").fill("20")
    expect(image).not_to_have_attribute("src", str(first))
    control.locator("summary").click()
    control.get_by_label("Act in a region only").check()
    stroke(page, control.get_by_label("Region: white where the control acts. Arrow keys"), [(0.25, 0.1), (0.25, 0.9)])
    (sent,) = read_stack(page)
    mask = picture_in(sent["mask"])[..., 0]
    middle = mask.shape[0] // 2
    assert mask[middle, mask.shape[1] // 4] == 255 and mask[middle, mask.shape[1] * 3 // 4] == 0
    assert sent["options"] == {"high": 90, "low": 20}


def test_painted_classes_have_exactly_the_colours_of_their_names(page: Page) -> None:
    control = add_control(page, "segmentation", "Draw")
    for name, height in (("ground", 0.8), ("house", 0.5)):
        control.get_by_role("button", name=name, exact=True).click()
        stroke(page, control.locator("canvas").first, [(0.1, height), (0.9, height)])
    (sent,) = read_stack(page)
    colours = {tuple(colour) for colour in picture_in(sent["image"]).reshape(-1, 3)}
    assert colours == {tuple(PALETTE[CLASSES.index(name)]) for name in ("sky", "ground", "house")}


def test_a_stroke_is_drawn_by_keyboard_and_undone(page: Page) -> None:
    control = add_control(page, "scribble", "Draw")
    canvas = control.locator("canvas").first
    canvas.focus()
    for key in ("Space", *["ArrowRight"] * 6, "Space"):
        page.keyboard.press(key)
    (sent,) = read_stack(page)
    drawn = picture_in(sent["image"])[..., 0]
    middle, width = drawn.shape[0] // 2, drawn.shape[1]
    assert drawn[middle, int(0.56 * width)] == 255 and drawn[middle, int(0.4 * width)] == 0
    page.keyboard.press("Control+z")
    assert not read_stack(page)


def test_what_does_not_fit_is_said_beside_its_control_before_anything_runs(page: Page, served: Served) -> None:
    jobs = len(served.jobs.history())
    page.get_by_role("button", name="How it is made").click()
    size = page.get_by_label("Size", exact=True)
    size.fill("130x128")
    size.blur()
    control = add_control(page, "scribble", "Draw")
    stroke(page, control.locator("canvas").first, [(0.2, 0.5), (0.8, 0.5)])
    expect(control.get_by_role("status").first).to_contain_text("The size becomes 128x128")
    size.fill("4096x4096")
    size.blur()
    expect(control.get_by_role("status").first).to_contain_text("4096x4096")
    size.fill("")
    size.blur()
    assert len(served.jobs.history()) == jobs
    page.get_by_role("button", name="How it is made").click()


@pytest.fixture(scope="session")
def photo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A picture with soft edges, so that thresholds matter."""
    rows, columns = np.mgrid[:96, :128]
    waves = 127 + 60 * np.sin(columns / 5.0) + 60 * np.sin(rows / 9.0)
    path = tmp_path_factory.mktemp("photo") / "waves.png"
    Image.fromarray(waves.clip(0, 255).astype(np.uint8)).convert("RGB").save(path)
    return path


def _poses(page: Page) -> dict[str, object]:
    (sent,) = read_stack(page)
    poses = sent["poses"]
    assert isinstance(poses, dict)
    return poses


def _body(poses: dict[str, object]) -> np.ndarray:
    (person,) = poses_of(poses, "the page").persons
    return person.body
