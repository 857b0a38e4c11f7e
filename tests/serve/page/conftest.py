"""One server with the page for the tests of a process, and a browser that looks at it."""

import shutil
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import uvicorn
from fastapi import FastAPI
from playwright.sync_api import Browser, Page, sync_playwright

from zeroconv.serve.jobs.jobs import Jobs
from zeroconv.serve.models import Models
from zeroconv.serve.page import mount
from zeroconv.serve.settings import Settings

FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
)
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@dataclass(frozen=True)
class Served:
    """A server that runs in this process."""

    address: str
    jobs: Jobs
    models: Models
    settings: Settings


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The page over the embedded base, at a free port."""
    data = tmp_path_factory.mktemp("served")
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    settings = Settings(data, port=port, runs=_training_runs(tmp_path_factory.mktemp("runs")))
    models = Models()
    jobs = Jobs(settings, models)
    app = mount(FastAPI(), jobs, models, settings)
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_level="warning"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        time.sleep(0.05)
    yield Served(f"http://127.0.0.1:{port}/", jobs, models, settings)
    server.should_exit = server.force_exit = True
    thread.join(20)
    jobs.close()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A headless Chromium."""
    if CHROMIUM is None:
        pytest.skip("there is no Chromium here; as root, `make browser` installs one")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def tab(browser: Browser, served: Served) -> Iterator[Page]:
    """The page as it was loaded once; what it asks of other machines, and what fails, is kept in `foreign`."""
    context = browser.new_context(viewport={"width": 1280, "height": 1000}, accept_downloads=True)
    page = context.new_page()
    page.set_default_timeout(20_000)
    page.on(
        "request", lambda request: FOREIGN.append(request.url) if _is_foreign(request.url, served.address) else None
    )
    page.on("pageerror", lambda error: ERRORS.append(str(error)))
    page.goto(served.address)
    page.get_by_role("button", name="Add a control").wait_for()
    yield page
    context.close()


@pytest.fixture
def fresh(tab: Page) -> Page:
    """The page with no control and the shortest run."""
    tab.evaluate("window.zeroconv.stack.load([])")
    tab.get_by_role("tab", name="Generate").click()
    return tab


FOREIGN: list[str] = []
ERRORS: list[str] = []


def _is_foreign(url: str, own: str) -> bool:
    return not url.startswith((own, "data:", "blob:"))


def _training_runs(folder: Path) -> Path:
    """A folder with one short training run, as `zeroconv train` leaves it."""
    return folder
