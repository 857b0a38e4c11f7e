"""Pictures from the page in a real browser: made, cancelled, restored, made again by their command, and on a phone."""

import io
import shlex
import shutil
import zipfile
from pathlib import Path

import httpx
import numpy as np
import pytest
from page_server import NAMELESS, Served, add_control, log_steps, press_generate, read_stack, serving, set_steps, stroke
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from zeroconv.cli.entry import main
from zeroconv.request import Request
from zeroconv.serve.jobs import Jobs
from zeroconv.serve.models import Models
from zeroconv.serve.page.results import history
from zeroconv.serve.settings import Settings

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:zeroconv")
PROMPT = 'a "red" house & a tree\'s {{shade}} for $5'


@pytest.fixture(scope="module")
def job(watched: tuple[Page, list[str]], served: Served) -> str:
    """The id of a job of two pictures that was drawn and generated on the page."""
    page, _ = watched
    page.get_by_role("tab", name="Generate").click()
    page.evaluate("window.zeroconv.stack.load([])")
    set_steps(page, 4)
    page.get_by_label("Prompt", exact=True).fill(PROMPT)
    page.get_by_label("Seeds").fill("7/3")
    control = add_control(page, "scribble", "Draw")
    stroke(
        page, control.locator("canvas").first, [(0.2, 0.8), (0.2, 0.4), (0.5, 0.1), (0.8, 0.4), (0.8, 0.8), (0.2, 0.8)]
    )
    control.get_by_label("Strength, as a number").fill("0.85")
    control.locator("summary").click()
    control.get_by_label("Act in a region only").check()
    control.get_by_role("group", name="Region").get_by_role("button", name="Fill all").click()
    control.get_by_label("End, as a number").fill("0.75")
    press_generate(page)
    result = page.get_by_role("article", name="Result")
    expect(result.get_by_alt_text("Picture of seed 3")).to_be_visible(timeout=25_000)
    page.get_by_label("Seeds").fill("0")
    return str(result.get_attribute("data-job"))


def test_a_scribble_is_drawn_and_generated(page: Page, served: Served, job: str) -> None:
    made = served.jobs.job(job)
    assert made is not None and made.status == "done" and made.pictures == ("0000.png", "0001.png")
    (control,) = made.record["controls"]
    assert made.record["prompt"] == PROMPT and made.record["steps"] == 4
    assert (control["condition"], control["strength"], control["end"]) == ("scribble", 0.85, 0.75)
    drawn = np.asarray(Image.open(served.jobs.folder(job) / control["image"]))
    assert set(np.unique(drawn)) >= {0, 255} and 0.01 < (drawn > 127).mean() < 0.2
    assert page.get_by_role("article", name="Result").locator(".zc-prompt").inner_text() == PROMPT


def test_the_command_and_the_program_of_a_picture_make_it_again_from_the_downloaded_run(
    served: Served, job: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with httpx.Client(base_url=served.address) as http:
        zipfile.ZipFile(io.BytesIO(http.get(f"page/jobs/{job}/run.zip").content)).extractall(tmp_path)
        texts = http.get(f"page/jobs/{job}/requests/1").json()
    monkeypatch.chdir(tmp_path)
    made = np.asarray(Image.open("0001.png").convert("RGB"), np.int16)
    words = shlex.split(texts["command"].replace("\\\n", ""))
    assert words[0] == "zeroconv" and main(words[1:]) == 0
    again = np.asarray(Image.open("again/0000.png").convert("RGB"), np.int16)
    assert np.abs(again - made).max() <= 1
    exec(compile(texts["python"], "program", "exec"), {})
    by_program = np.asarray(Image.open("3.png").convert("RGB"), np.int16)
    assert np.abs(by_program - made).max() <= 1


def test_a_dropped_picture_brings_its_request_back(page: Page, served: Served, job: str) -> None:
    page.get_by_label("Prompt", exact=True).fill("something else")
    set_steps(page, 9)
    page.get_by_label("Restore a request").set_input_files(served.jobs.folder(job) / "0001.png")
    expect(page.get_by_label("Prompt", exact=True)).to_have_value(PROMPT)
    expect(page.get_by_label("number input for Steps")).to_have_value("4")
    expect(page.get_by_label("Seeds")).to_have_value("3")
    expect(page.get_by_alt_text("The Scribble image of control 1")).to_be_visible()
    (control,) = read_stack(page)
    assert (control["strength"], control["end"], control["ready"]) == (0.85, 0.75, True)
    assert str(control["mask"]).startswith("data:image/png")


def test_a_picture_without_a_request_is_told(page: Page, tmp_path: Path) -> None:
    Image.new("RGB", (8, 8)).save(tmp_path / "plain.png")
    page.get_by_label("Restore a request").set_input_files(tmp_path / "plain.png")
    expect(page.get_by_role("alert").first).to_contain_text("plain.png holds no request")


def test_a_job_is_cancelled_from_the_page(page: Page, served: Served, job: str) -> None:
    set_steps(page, 150)
    page.get_by_label("Prompt", exact=True).fill("a long one")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#zc-progress").get_by_label("Progress")).to_be_visible()
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator("#zc-result")).to_contain_text("Cancelled")
    made = served.jobs.history(limit=1)[0]
    assert made.status == "cancelled" and made.record["prompt"] == "a long one" and made.id != job
    set_steps(page, 4)


def test_what_was_made_before_opens_and_survives_a_restart(
    page: Page, served: Served, job: str, tmp_path: Path
) -> None:
    page.locator(f".zc-item[data-job='{job}']").click()
    expect(page.get_by_alt_text("Picture of seed 7")).to_be_visible()
    page.get_by_role("button", name="Compare the picture of seed 7").click()
    dialog = page.get_by_role("dialog", name="Compare")
    dialog.get_by_label("How much of the picture is shown").fill("30")
    assert "30%" in str(dialog.locator("img.above").get_attribute("style"))
    dialog.get_by_role("button", name="Close").click()
    shutil.copytree(served.settings.data, tmp_path / "data")
    again = Jobs(Settings(tmp_path / "data"), served.models)
    try:
        assert f'data-job="{job}"' in history(again.history(), has_more=False)
        assert (again.folder(job) / "0001.png").is_file()
    finally:
        again.close()


def test_everything_has_a_name_for_screen_readers(page: Page, job: str) -> None:
    page.locator(f".zc-item[data-job='{job}']").click()
    for condition, source in (("segmentation", "Draw"), ("pose", "Draw"), ("canny", "From a photo")):
        control = add_control(page, condition, source)
        control.locator("summary").click()
    control.get_by_label("Act in a region only").check()
    assert page.evaluate(NAMELESS) == []
    page.get_by_role("tab", name="Folder").click()
    page.get_by_role("button", name="Make the condition images").wait_for()
    assert page.evaluate(NAMELESS) == []


def test_a_phone_shows_all_without_scrolling_sideways(browser: Browser, served: Served, job: str) -> None:
    context = browser.new_context(viewport={"width": 360, "height": 740}, has_touch=True, color_scheme="dark")
    phone = context.new_page()
    phone.goto(served.address)
    for condition in ("segmentation", "pose", "scribble"):
        add_control(phone, condition, "Draw").locator("summary").click()
    phone.locator(f".zc-item[data-job='{job}']").click()
    phone.get_by_alt_text("Picture of seed 7").wait_for()
    for tab in ("Generate", "Folder", "Training"):
        phone.get_by_role("tab", name=tab).click()
        phone.wait_for_timeout(300)
        assert phone.evaluate("document.documentElement.scrollWidth") <= 360, tab
    context.close()


def test_the_condition_images_of_a_folder_come_as_a_zip(page: Page, tmp_path: Path) -> None:
    files = []
    for number in range(3):
        square = Image.new("RGB", (40 + number, 32), "navy")
        square.paste("white", (8, 8, 24, 24))
        files.append(tmp_path / f"square-{number}.png")
        square.save(files[-1])
    page.get_by_role("tab", name="Folder").click()
    page.locator("input[type=file][multiple]").set_input_files(files)
    page.get_by_role("button", name="Make the condition images").click()
    page.get_by_text("3 of 3 made").wait_for()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download as zip").click()
    download.value.save_as(tmp_path / "canny.zip")
    with zipfile.ZipFile(tmp_path / "canny.zip") as archive:
        assert archive.testzip() is None and archive.namelist() == [file.name for file in files]
        image = Image.open(io.BytesIO(archive.read("square-1.png")))
        assert image.size == (41, 32) and np.asarray(image).max() == 255


def test_with_a_token_the_page_asks_for_it_and_shows_what_its_client_made(
    browser: Browser, models: Models, tmp_path: Path
) -> None:
    with serving(models, tmp_path / "data", None, tokens={"a-secret-token": "ann"}) as server:
        other = server.jobs.submit(Request("a cone", steps=1), base="tiny", client="bob@127.0.0.1")
        list(server.jobs.watch(other.id))
        context = browser.new_context()
        page = context.new_page()
        page.goto(server.address)
        page.get_by_label("Token").fill("a-secret-token")
        page.get_by_role("button", name="Enter").click()
        page.get_by_label("Prompt", exact=True).fill("a tree")
        set_steps(page, 1)
        press_generate(page)
        page.get_by_role("article", name="Result").wait_for()
        expect(page.locator(".zc-item")).to_have_count(1)
        assert server.jobs.history()[0].client == "ann@127.0.0.1"
        context.close()


def test_a_training_run_is_watched_as_it_goes_on(page: Page, served: Served) -> None:
    page.get_by_role("tab", name="Training").click()
    report = page.frame_locator("iframe[title='Report of the training run']")
    expect(report.get_by_text("20 of 40 steps")).to_be_visible(timeout=20_000)
    assert served.settings.runs is not None
    log_steps(served.settings.runs / "canny", 21, 30)
    expect(report.get_by_text("30 of 40 steps")).to_be_visible(timeout=20_000)
