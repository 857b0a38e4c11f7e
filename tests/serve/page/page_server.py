"""A server with the page in this process, the browser that looks at it, and what a person does there."""

import base64
import gc
import io
import json
import shutil
import socket
import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import uvicorn
from PIL import Image
from playwright.sync_api import Locator, Page

from zeroconv.serve.api import make_app
from zeroconv.serve.jobs import Job, Jobs
from zeroconv.serve.models import Models
from zeroconv.serve.page import mount
from zeroconv.serve.settings import Settings

ALLOWED = "--use-fake-ui-for-media-stream"
"""The flag of a browser that gives a page the camera."""
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
    *("--use-fake-device-for-media-stream", ALLOWED),  # a camera that shows a clock
)
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@dataclass(frozen=True)
class Served:
    """A server that runs."""

    address: str
    jobs: Jobs
    models: Models
    settings: Settings


@contextmanager
def serving(models: Models, data: Path, runs: Path | None, **others: Any) -> Iterator[Served]:
    """The page at a free port; further settings by their names."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    settings = Settings(data, port=port, runs=runs, **others)
    jobs = Jobs(settings, models)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # Gradio makes an event loop that it never closes
        app = mount(make_app(settings, models, jobs), jobs, models, settings)
        gc.collect()
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_level="warning"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        time.sleep(0.05)
    yield Served(f"http://127.0.0.1:{port}/", jobs, models, settings)
    jobs.stop()
    server.should_exit = server.force_exit = True
    thread.join(30)
    jobs.close()


def training_run(folder: Path, name: str) -> Path:
    """What `zeroconv train` has left of a run that is under way."""
    run = folder / name
    run.mkdir(parents=True)
    config = {"steps": 40, "gain_every": 10, "batch_size": 2}
    about = {"config": config, "base": "tiny", "condition": {"name": "canny"}}
    (run / "run.json").write_text(json.dumps(about))
    log_steps(run, 1, 20)
    return run


def log_steps(run: Path, first: int, last: int) -> None:
    """More lines of the log."""
    with (run / "log.jsonl").open("a") as log:
        for step in range(first, last + 1):
            values = {"loss": 1 / step, "learning_rate": 1e-4, "gradient_norm": 0.5, "samples_per_second": 9.0}
            log.write(json.dumps({"step": step, **values}) + "\n")


def add_control(page: Page, condition: str, source: str) -> Locator:
    """One more control, as a person adds it."""
    page.get_by_role("button", name="Add a control").click()
    control = page.locator(".zc-control").last
    control.get_by_label("Condition", exact=True).select_option(condition)
    control.get_by_role("button", name=source, exact=True).click()
    return control


def stroke(page: Page, canvas: Locator, points: list[tuple[float, float]]) -> None:
    """Draws along points, given as shares of the canvas."""
    canvas.evaluate("canvas => canvas.scrollIntoView({ block: 'center' })")
    box = canvas.bounding_box()
    assert box is not None
    _move(page, [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in points])


def drag(page: Page, joint: Locator, by: tuple[float, float]) -> None:
    """Takes a joint of a pose somewhere else, in pixels of the page."""
    joint.scroll_into_view_if_needed()
    box = joint.bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    _move(page, [(x, y), (x + by[0], y + by[1])])


def _move(page: Page, places: list[tuple[float, float]]) -> None:
    """The mouse, pressed at the first and let go at the last."""
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=5)
    page.mouse.up()


def set_steps(page: Page, steps: int) -> None:
    """Into the field of the fold, which is opened where it is shut."""
    field = page.get_by_label("number input for Steps")
    if not field.is_visible():
        page.get_by_role("button", name="How it is made").click()
    field.fill(str(steps))
    field.blur()


def start_anew(page: Page, steps: int) -> None:
    """The form for one picture of seed 0, without controls, and of the size that comes of itself."""
    page.get_by_role("tab", name="Generate").click()
    page.evaluate("window.zeroconv.stack.load([]); window.zeroconv.start.load(null)")
    set_steps(page, steps)
    page.get_by_label("Size", exact=True).fill("")
    page.get_by_label("Seeds").fill("0")
    page.get_by_label("Pictures", exact=True).first.fill("1")


def read_stack(page: Page) -> list[dict[str, object]]:
    """The controls as they would be sent."""
    controls: list[dict[str, object]] = json.loads(page.evaluate("window.zeroconv.stack.toText()"))["controls"]
    return controls


def picture_in(address: object) -> np.ndarray:
    """The pixels (H, W, 3) of a data address."""
    content = base64.b64decode(str(address).partition(",")[2])
    return np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))


def press_generate(page: Page) -> None:
    page.get_by_role("button", name="Generate", exact=True).click()


def generate(page: Page, jobs: Jobs) -> Job:
    """Presses the button; the job, once its result is shown."""
    before = {job.id for job in jobs.history()}
    press_generate(page)
    page.wait_for_function("() => document.querySelector('#zc-cancel').disabled === false", timeout=25_000)
    (job,) = (job for job in jobs.history() if job.id not in before)
    page.locator(f"article[data-job='{job.id}']").wait_for(timeout=25_000)
    done = jobs.job(job.id)
    assert done is not None and done.status == "done"
    return done


NAMELESS = """() => [...document.querySelectorAll("input,select,textarea,button,canvas,img,progress,iframe,video")]
  .filter((field) => field.type !== "hidden" && field.getClientRects().length)
  .filter((field) => ![field.ariaLabel, field.labels?.[0]?.textContent, field.textContent, field.title, field.alt,
    field.getAttribute("aria-labelledby")].some((name) => name?.trim()) && field.getAttribute("alt") !== "")
  .map((field) => field.outerHTML.slice(0, 200))"""
"""JavaScript: what is seen on the page and has no name for screen readers."""
