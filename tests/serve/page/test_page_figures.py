"""Figures of a photograph in the pose editor, and drawings and poses that come back onto their boards."""

import json
from pathlib import Path

import numpy as np
import pytest
from page_server import Served, add_control, drag, generate, picture_in, read_stack, start_anew, stroke
from PIL import Image
from playwright.sync_api import Page, expect

from zeroconv.conditions.person import Keypoints
from zeroconv.conditions.pose import Pose
from zeroconv.conditions.pose_file import poses_of
from zeroconv.errors import UserError
from zeroconv.request import ControlRequest, Request
from zeroconv.scenes.renderer import render
from zeroconv.scenes.vocabulary import CLASSES, PALETTE
from zeroconv.scenes.world import sample_scene
from zeroconv.serve.jobs import Job
from zeroconv.serve.models import Models
from zeroconv.serve.page.figures import figures
from zeroconv.serve.page.pictures import address_of
from zeroconv.serve.page.restore import from_job
from zeroconv.serve.settings import Limits

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:zeroconv")
LIMITS = Limits()
RIGHT_WRIST = 4


@pytest.fixture(scope="session")
def person(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A picture of one person."""
    path = tmp_path_factory.mktemp("person") / "person.png"
    picture = render([sample_scene(5, 0, kinds=("person",), background="meadow")]).rgb[0].numpy()
    Image.fromarray(picture).save(path)
    return path


@pytest.fixture(scope="module")
def drawn(watched: tuple[Page, list[str]], served: Served, person: Path) -> tuple[Job, list[dict[str, object]]]:
    """A job of a corrected pose, of segments and of a scribble with a region, and the controls as they were sent."""
    page, _ = watched
    start_anew(page, 1)
    control = add_control(page, "pose", "From a photo")
    control.get_by_label("Photo").set_input_files(person)
    expect(control.get_by_alt_text("The Pose image of control 1")).to_be_visible()
    control.get_by_role("button", name="Edit the figures").click()
    wrist = control.locator(f"[data-joint='{RIGHT_WRIST}']")
    expect(control.locator("[data-joint='0']")).to_be_focused()
    before = _body(_poses(page))
    drag(page, wrist, (25, -40))
    moved = _body(_poses(page))
    assert np.flatnonzero((moved != before).any(1)).tolist() == [RIGHT_WRIST]
    found = poses_of(json.loads(Pose(method="scenes").to_json(np.asarray(Image.open(person)))), "the photograph")
    assert np.allclose(before[:, :2] / 4, found.persons[0].body[:, :2], atol=0.1)
    for condition, tool in (("segmentation", "ground"), ("scribble", "Pen")):
        control = add_control(page, condition, "Draw")
        control.get_by_role("button", name=tool, exact=True).click()
        stroke(page, control.locator("canvas").first, [(0.1, 0.8), (0.9, 0.8)])
    control.locator("summary").click()
    control.get_by_label("Act in a region only").check()
    stroke(page, control.locator("canvas").last, [(0.3, 0.3), (0.5, 0.7)])
    sent = read_stack(page)
    return generate(page, served.jobs), sent


def test_what_was_drawn_comes_back_as_it_was_and_can_be_drawn_on(
    page: Page, drawn: tuple[Job, list[dict[str, object]]]
) -> None:
    _, sent = drawn
    page.get_by_role("article", name="Result").get_by_role("button", name="Back into the form").click()
    expect(page.locator(".zc-control")).to_have_count(3)
    expect(page.locator("#zc-progress")).to_have_text("The request is in the form.")
    restored = read_stack(page)
    assert np.allclose(_body(restored[0]["poses"]), _body(sent[0]["poses"]), atol=0.01)
    for (one, other), name in zip([(1, 1), (2, 2), (2, 2)], ("image", "image", "mask"), strict=True):
        assert np.array_equal(picture_in(restored[one][name]), picture_in(sent[other][name])), (one, name)
    segments = page.locator(".zc-control").nth(1)
    segments.get_by_role("button", name="house", exact=True).click()
    stroke(page, segments.locator("canvas").first, [(0.2, 0.3), (0.8, 0.6)])
    scribble = page.locator(".zc-control").nth(2)
    stroke(page, scribble.locator("canvas").first, [(0.2, 0.2), (0.8, 0.2)])
    _, after, lines = read_stack(page)
    colours = {tuple(colour) for colour in picture_in(after["image"]).reshape(-1, 3)}
    assert colours == {tuple(PALETTE[CLASSES.index(name)]) for name in ("sky", "ground", "house")}
    drawing, before = picture_in(lines["image"])[..., 0], picture_in(sent[2]["image"])[..., 0]
    height, width = drawing.shape
    assert drawing[height // 5, width // 2] == 255 and (drawing[height // 2 :] == before[height // 2 :]).all()
    page.get_by_label("Size", exact=True).fill("")


def test_a_dropped_picture_brings_its_figures_back(
    page: Page, served: Served, drawn: tuple[Job, list[dict[str, object]]]
) -> None:
    job, sent = drawn
    page.get_by_label("Restore a request").set_input_files(served.jobs.folder(job.id) / "0000.png")
    expect(page.locator("[data-joint]")).to_have_count(18)
    assert np.allclose(_body(_poses(page)), _body(sent[0]["poses"]), atol=0.01)
    page.get_by_label("Size", exact=True).fill("")


def test_what_is_known_as_a_picture_only_stays_one(served: Served, person: Path) -> None:
    image = Image.fromarray(Pose(method="scenes")(np.asarray(Image.open(person))))
    wide = Image.new("RGB", (200, 100))
    wide.paste("white", (40, 40, 160, 50))
    controls = (ControlRequest("pose", image, ready=True), ControlRequest("scribble", wide, ready=True))
    request = Request("a person", controls=controls, size=(128, 128), steps=1)
    image.info["poses"] = '{"people": [{}], "canvas_width": "wide"}'
    job = served.jobs.submit(request, base="tiny", client="somebody")
    list(served.jobs.watch(job.id))
    restored = from_job(served.jobs, job.id)
    assert not any({"poses", "drawn"} & control.keys() for control in restored.controls)
    assert restored.notes == ("the pose of control 1 is known as a picture only, so its joints cannot be moved",)


def test_hidden_joints_of_an_imported_figure_stand_where_they_would_be(page: Page, tmp_path: Path) -> None:
    control = add_control(page, "pose", "Draw")
    whole = _poses(page)
    cut = json.loads(json.dumps(whole))
    cut["people"][0]["pose_keypoints_2d"][3 * RIGHT_WRIST : 3 * RIGHT_WRIST + 3] = [0, 0, 0]
    (tmp_path / "cut.json").write_text(json.dumps(cut))
    control.get_by_label("Import OpenPose JSON").set_input_files(tmp_path / "cut.json")
    expect(control.get_by_label("right wrist of figure 1, hidden")).to_be_visible()
    control.get_by_role("button", name="Show all joints").click()
    assert np.allclose(_body(_poses(page)), _body(whole), atol=0.5)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"condition": "canny"}, "for a pose from a photograph only"),
        ({"ready": True}, "for a pose from a photograph only"),
        ({}, "no figure was found"),
        ({"image": "/etc/passwd"}, "a path or an address is not opened"),
    ],
)
def test_where_there_are_no_figures_it_is_said(models: Models, change: dict[str, object], sentence: str) -> None:
    control = {"condition": "pose", "image": address_of(Image.new("RGB", (64, 64), "navy")), **change}
    with pytest.raises(UserError, match=sentence):
        figures({"base": "tiny", "size": "", "control": control}, models, LIMITS)


def _poses(page: Page) -> dict[str, object]:
    poses = read_stack(page)[0]["poses"]
    assert isinstance(poses, dict)
    return poses


def _body(poses: object) -> Keypoints:
    (person,) = poses_of(poses, "the page").persons
    return person.body
