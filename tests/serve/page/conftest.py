"""One server with the page and one tab of a browser for all tests of a process."""

from collections.abc import Iterator

import pytest
from page_server import CHROMIUM, FLAGS, Served, serving, training_run
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright
from playwright.sync_api import Error as PlaywrightError

from zeroconv.serve.models import Models

_NO_CHROMIUM = "there is no Chromium here; `make browser` installs one where that needs no password"


@pytest.fixture(scope="session")
def served(models: Models, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The page over the embedded base."""
    runs = tmp_path_factory.mktemp("runs")
    training_run(runs, "canny")
    with serving(models, tmp_path_factory.mktemp("served"), runs) as server:
        yield server


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A headless Chromium."""
    if CHROMIUM is None:
        pytest.skip(_NO_CHROMIUM)
    with sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        except PlaywrightError as error:
            pytest.skip(f"{CHROMIUM} does not start: {error.message.splitlines()[0]}")
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def watched(browser: Browser, served: Served) -> Iterator[tuple[Page, list[str]]]:
    """The page as it was loaded once, and what must not happen there: requests to others, scripts that fail."""
    wrong: list[str] = []
    context = browser.new_context(viewport={"width": 1280, "height": 1000}, accept_downloads=True)
    page = context.new_page()
    page.set_default_timeout(30_000)
    expect.set_options(timeout=30_000)  # on a busy machine an answer of the server takes seconds
    own = (served.address, "data:", "blob:", "about:")
    page.on("request", lambda request: None if request.url.startswith(own) else wrong.append(request.url))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda message: wrong.append(message.text) if _is_failure(message) else None)
    page.goto(served.address)
    page.get_by_role("button", name="Add a control").wait_for()
    yield page, wrong
    context.close()


@pytest.fixture
def page(watched: tuple[Page, list[str]]) -> Iterator[Page]:
    """The page without controls and without a picture to start from."""
    shown, wrong = watched
    shown.get_by_role("tab", name="Generate").click()
    shown.evaluate("window.zeroconv.stack.load([]); window.zeroconv.start.load(null)")
    yield shown
    assert not wrong


def _is_failure(message: ConsoleMessage) -> bool:
    """Not of what the service refuses in a sentence."""
    return message.type == "error" and "status of 422" not in message.text
