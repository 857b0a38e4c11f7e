"""The picture that a run starts from, in a real browser: given, painted over, generated, made again, restored."""

import io
import json
import shlex
import zipfile
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from page_server import NAMELESS, Served, generate, picture_in, start_anew, stroke
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, expect

from zeroconv.cli.entry import main
from zeroconv.errors import UserError
from zeroconv.images import read_image
from zeroconv.serve.jobs import Job
from zeroconv.serve.models import Models
from zeroconv.serve.page.pictures import address_of
from zeroconv.serve.page.preview import preview
from zeroconv.serve.page.restore import from_text
from zeroconv.serve.page.start import start_of
from zeroconv.serve.page.start_check import check_start
from zeroconv.serve.settings import Limits

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:zeroconv")
LIMITS = Limits()
GREY = address_of(Image.new("RGB", (192, 128), "grey"))
PASTED = """async ([address, place]) => {
  const data = new DataTransfer();
  data.items.add(new File([await (await fetch(address)).blob()], "pasted.png", { type: "image/png" }));
  document.querySelector(place).dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, bubbles: true }));
}"""


@pytest.fixture(scope="session")
def photo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A picture that is wider than high, with a course from red to blue."""
    path = tmp_path_factory.mktemp("start") / "wide.png"
    course = np.linspace(0, 255, 240).astype(np.uint8)
    pixels = np.broadcast_to(np.stack([255 - course, np.full(240, 60, np.uint8), course], -1), (160, 240, 3))
    Image.fromarray(np.ascontiguousarray(pixels)).save(path)
    return path


@pytest.fixture(scope="module")
def inpainted(watched: tuple[Page, list[str]], served: Served, photo: Path) -> Job:
    """A job in which the left of the photo was painted over and made anew."""
    page, _ = watched
    start_anew(page, 3)
    page.get_by_label("Prompt", exact=True).fill("a tree")
    page.get_by_role("button", name="Start from a picture").click()
    start = _start(page)
    start.get_by_label("Picture", exact=True).set_input_files(photo)
    start.get_by_role("button", name="What is painted").click()
    expect(start.get_by_role("status")).to_contain_text("Nothing is painted yet")
    stroke(page, start.locator("canvas"), [(0.2, 0.3), (0.3, 0.7)])
    expect(start.get_by_alt_text("What the run starts from")).to_be_visible()
    start.get_by_label("Feather, as a number").fill("2")
    return generate(page, served.jobs)


def test_what_is_painted_is_made_anew_and_the_rest_stays(served: Served, inpainted: Job, photo: Path) -> None:
    record, folder = inpainted.record, served.jobs.folder(inpainted.id)
    assert (record["denoise"], record["feather"], record["paste"], record["size"]) == (1, 2, True, [192, 128])
    assert np.array_equal(read_image(folder / record["image"]), read_image(photo))
    mask = np.asarray(read_image(folder / record["mask"]))[..., 0]
    rows, columns = np.array([0.5, 0.5]) * mask.shape[0], np.array([0.25, 0.8]) * mask.shape[1]
    assert mask[rows.astype(int), columns.astype(int)].tolist() == [255, 0]
    made, before = (np.asarray(read_image(folder / name), np.int16) for name in ("0000.png", "image.png"))
    changed = np.abs(made - before).max(-1)
    assert changed[:, 96:].max() == 0 and changed[54:74, 40:52].max() > 20


def test_the_command_and_the_program_make_it_again_from_the_downloaded_run(
    served: Served, inpainted: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with httpx.Client(base_url=served.address) as http:
        archive = zipfile.ZipFile(io.BytesIO(http.get(f"page/jobs/{inpainted.id}/run.zip").content))
        texts = http.get(f"page/jobs/{inpainted.id}/requests/0").json()
    archive.extractall(tmp_path)
    monkeypatch.chdir(tmp_path)
    made = np.asarray(Image.open("0000.png").convert("RGB"), np.int16)
    assert main(shlex.split(texts["command"].replace("\\\n", ""))[1:]) == 0
    assert np.abs(np.asarray(Image.open("again/0000.png").convert("RGB"), np.int16) - made).max() <= 1
    exec(compile(texts["python"], "program", "exec"), {})
    assert np.abs(np.asarray(Image.open("0.png").convert("RGB"), np.int16) - made).max() <= 1


def test_a_dropped_picture_brings_back_what_it_started_from(page: Page, served: Served, inpainted: Job) -> None:
    page.get_by_label("Restore a request").set_input_files(served.jobs.folder(inpainted.id) / "0000.png")
    start = _start(page)
    expect(start.get_by_label("Feather, as a number")).to_have_value("2")
    sent = _sent(page)
    for name in ("image", "mask"):
        file = served.jobs.folder(inpainted.id) / inpainted.record[name]
        assert np.array_equal(picture_in(sent[name]), read_image(file)), name
    assert (sent["denoise"], sent["feather"], sent["paste"]) == (1, 2, True)
    expect(page.locator("#zc-progress")).to_have_text("The request is in the form.")
    page.get_by_label("Size", exact=True).fill("")


def test_a_result_is_started_from_and_gives_its_size(page: Page, served: Served, inpainted: Job) -> None:
    page.locator(f".zc-item[data-job='{inpainted.id}']").click()
    result = page.get_by_role("article", name="Result")
    expect(result.get_by_alt_text("Starting picture")).to_be_visible()
    result.get_by_role("button", name="Start from the picture of seed 0").focus()
    page.keyboard.press("Enter")
    start = _start(page)
    expect(start).to_be_focused()
    start.get_by_label("How much is made anew, as a number").fill("0.1")
    expect(start.get_by_role("status")).to_contain_text("A denoise of 0.1 leaves none of 3 steps")
    start.get_by_label("How much is made anew, as a number").fill("0.5")
    start.get_by_role("button", name="Take the size").click()
    expect(page.get_by_label("Size", exact=True)).to_have_value("192x128")
    sent = _sent(page)
    assert sent["denoise"] == 0.5 and "mask" not in sent
    assert np.array_equal(picture_in(sent["image"]), read_image(served.jobs.folder(inpainted.id) / "0000.png"))
    page.get_by_label("Size", exact=True).fill("")
    start.get_by_role("button", name="Remove the starting picture").click()
    expect(page.get_by_role("button", name="Start from a picture")).to_be_focused()
    assert _sent(page) is None


def test_a_picture_is_pasted_and_a_mask_of_another_shape_is_told(page: Page, photo: Path, tmp_path: Path) -> None:
    page.evaluate(PASTED, [GREY, "body"])
    start = _start(page)
    expect(start.get_by_alt_text("What the run starts from")).to_be_visible()
    assert picture_in(_sent(page)["image"]).shape == (128, 192, 3)
    page.evaluate(PASTED, [address_of(Image.open(photo)), "#zc-start .zc-control"])
    page.wait_for_function("() => String(window.zeroconv.start.shape) === '240,160'")
    half = Image.new("L", (50, 50), 0)
    half.paste(255, (0, 0, 25, 50))
    half.save(tmp_path / "half.png")
    start.get_by_role("button", name="What is painted").click()
    start.get_by_label("Mask from a file").set_input_files(tmp_path / "half.png")
    expect(start.get_by_role("status")).to_contain_text("The mask of 50x50 is stretched over the picture of 240x160.")
    mask = picture_in(_sent(page)["mask"])[..., 0]
    height, width = mask.shape
    assert width * 160 == height * 240 and mask[:, : width // 3].min() == 255 and mask[:, width * 2 // 3 :].max() == 0
    assert page.evaluate(NAMELESS) == []


def test_the_starting_picture_fits_a_phone(browser: Browser, served: Served, photo: Path) -> None:
    context = browser.new_context(viewport={"width": 360, "height": 740}, has_touch=True)
    phone = context.new_page()
    phone.goto(served.address)
    phone.get_by_role("button", name="Start from a picture").click()
    start = _start(phone)
    start.get_by_label("Picture", exact=True).set_input_files(photo)
    start.get_by_role("button", name="What is painted").click()
    stroke(phone, start.locator("canvas"), [(0.2, 0.3), (0.5, 0.7)])
    expect(start.get_by_alt_text("What the run starts from")).to_be_visible()
    assert phone.evaluate("document.documentElement.scrollWidth") <= 360
    context.close()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"image": None}, "the starting picture is missing"),
        ({"image": "/etc/passwd"}, "a path or an address is not opened"),
        ({"mask": "http://127.0.0.1:1/mask.png"}, "a path or an address is not opened"),
        ({"mask": address_of(Image.new("RGB", (8, 8)))}, "nothing is painted yet"),
        ({"file": "x"}, "no field 'file'"),
        ({"denoise": "much"}, "denoise"),
        ({"denoise": 0.04}, "leaves none of 20 steps"),
    ],
)
def test_a_starting_picture_that_makes_no_sense_is_told(models: Models, change: dict[str, Any], sentence: str) -> None:
    given = {"base": "tiny", "size": "", "steps": 20, "start": {"image": GREY, **change}}
    with pytest.raises(UserError, match=sentence):
        check_start(given, models, LIMITS)


@pytest.mark.parametrize("steps", [float("inf"), float("nan"), 2.5, True, "3"])
def test_steps_that_are_no_number_are_told(models: Models, steps: object) -> None:
    with pytest.raises(UserError, match="steps must be a whole number"):
        check_start({"base": "tiny", "size": "", "steps": steps, "start": {"image": GREY}}, models, LIMITS)


@pytest.mark.parametrize("shape", [[10**400, 1], [0, 5], [4.0, 5], [5], "5x5", {}])
def test_a_shape_that_is_none_is_told(models: Models, shape: object) -> None:
    given = {"base": "tiny", "size": "", "shape": shape, "control": {"condition": "canny", "image": GREY}}
    with pytest.raises(UserError, match="its width and height in pixels"):
        preview(given, models, LIMITS)


def test_a_control_has_the_size_of_the_starting_picture(models: Models) -> None:
    given = {"base": "tiny", "shape": [320, 160], "control": {"condition": "canny", "image": GREY}}
    assert preview(given, models, LIMITS)["size"] == [256, 128]
    assert preview({**given, "size": "128x128"}, models, LIMITS)["size"] == [128, 128]


@pytest.mark.parametrize(
    ("size", "start", "notes"),
    [
        ("", {}, []),
        ("", {"denoise": 1}, ["All of it is made anew: of this picture only the size is left."]),
        ("130x128", {}, ["The size becomes 128x128", "The picture of 192x128 is cropped to the shape of 128x128."]),
        ("288x192", {}, ["The picture of 192x128 is smaller than 288x192 and is enlarged."]),
        ("", {"mask": "dot"}, ["What is painted is too thin to be made anew at 192x128."]),
    ],
)
def test_what_will_not_be_as_given_is_said(models: Models, size: str, start: dict[str, Any], notes: list[str]) -> None:
    dot = Image.new("RGB", (192, 128))
    dot.putpixel((13, 13), (255, 255, 255))
    start = {name: address_of(dot) if value == "dot" else value for name, value in start.items()}
    answer = check_start({"base": "tiny", "size": size, "start": {"image": GREY, **start}}, models, LIMITS)
    assert len(answer["notes"]) == len(notes)
    assert all(said.startswith(note) for said, note in zip(answer["notes"], notes, strict=True))
    assert picture_in(answer["image"]).shape[1::-1] == tuple(answer["size"])


def test_no_picture_is_no_start() -> None:
    assert start_of(None, LIMITS) == {}


def test_a_damaged_request_is_told(served: Served) -> None:
    control = {"condition": "scribble", "ready": True, "image_sha256": "none", "image": "x.png"}
    for record in ({"size": [0, 0]}, {"size": "wide", "mask": 3}, {"image": ["x"], "seeds": 3}):
        text = json.dumps({"schema": 1, "prompt": "a", "seeds": [1], "controls": [control], **record})
        try:
            assert from_text(served.jobs, text, None).controls[0]["ready"]
        except UserError as error:
            assert "damaged" in str(error)


def _start(page: Page) -> Locator:
    return page.get_by_role("region", name="Starting picture")


def _sent(page: Page) -> Any:
    """The picture to start from as it would be sent."""
    return json.loads(page.evaluate("window.zeroconv.stack.toText()"))["start"]
