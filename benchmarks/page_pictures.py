"""Pictures of the page of `zeroconv serve`, as the README and the docs show it.

    python benchmarks/page_pictures.py docs/pictures

Starts a server with the embedded base in a folder of its own, and a headless Chromium; draws, generates, and takes
page.png (a scribble, light), page-boards.png (segmentation and pose, dark) and page-phone.png. Needs the extra web and
Playwright's Python package; the browser is the system's.
"""

import argparse
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Locator, Page, sync_playwright

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "serve" / "page"))
from page_server import CHROMIUM, FLAGS, add_control, drag, stroke

HOUSE = [(0.25, 0.48), (0.25, 0.85), (0.75, 0.85), (0.75, 0.48), (0.18, 0.5), (0.5, 0.15), (0.82, 0.5), (0.75, 0.48)]
DOOR = [(0.45, 0.85), (0.45, 0.65), (0.56, 0.65), (0.56, 0.85)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    arguments = parser.parse_args()
    with serving() as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        desktop(opened(browser, address, 1360, 1000), arguments.folder / "page.png")
        boards(opened(browser, address, 1360, 1180, "dark"), arguments.folder / "page-boards.png")
        phone(opened(browser, address, 390, 844), arguments.folder / "page-phone.png")
        browser.close()


@contextmanager
def serving() -> Iterator[str]:
    """A server's address."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "zeroconv", "serve", "--port", "0", "--data", folder]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            found = next(filter(None, (re.search(r"serves at (\S+)", line) for line in process.stdout)))
            try:
                yield found[1]
            finally:
                process.terminate()


def opened(browser: Browser, address: str, width: int, height: int, scheme: str = "light") -> Page:
    page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)  # type: ignore[arg-type]
    page.goto(address)
    page.get_by_role("button", name="Add a control").wait_for()
    return page


def desktop(page: Page, path: Path) -> None:
    page.get_by_label("Prompt", exact=True).fill("a red house under a blue sky")
    draw_house(page)
    page.get_by_label("Pictures", exact=True).first.fill("4")
    generate(page)
    page.evaluate("scrollTo(0, 0)")
    page.mouse.move(5, 5)
    save(page, path)


def boards(page: Page, path: Path) -> None:
    page.get_by_label("Prompt", exact=True).fill("a person beside a tree on grass")
    control = add_control(page, "segmentation", "Draw")
    for name, points in (("ground", [(0, 0.72), (1, 0.72)]), ("ground", [(0, 0.92), (1, 0.92)])):
        use(control, name, 0.25)
        stroke(page, control.locator("canvas").first, points)
    for name, width, points in (
        ("tree", 0.2, [(0.82, 0.3), (0.88, 0.38), (0.76, 0.4)]),
        ("tree", 0.06, [(0.82, 0.45), (0.82, 0.68)]),
        ("person", 0.16, [(0.5, 0.25), (0.5, 0.85)]),
    ):
        use(control, name, width)
        stroke(page, control.locator("canvas").first, points)
    pose = add_control(page, "pose", "Draw")
    drag(page, pose.locator("[data-joint='4']"), (-45, -135))
    drag(page, pose.locator("[data-joint='3']"), (-25, -35))
    generate(page)
    page.evaluate("scrollTo(0, 0)")
    page.evaluate("document.querySelector('.zc-control').scrollIntoView()")
    save(page, path)


def phone(page: Page, path: Path) -> None:
    page.get_by_label("Prompt", exact=True).fill("a red house under a blue sky")
    control = draw_house(page)
    control.scroll_into_view_if_needed()
    page.evaluate("document.querySelector('.zc-control').scrollIntoView()")
    save(page, path)


def draw_house(page: Page) -> Locator:
    control = add_control(page, "scribble", "Draw")
    control.get_by_label("Width, as a number").fill("0.025")
    for points in (HOUSE, DOOR):
        stroke(page, control.locator("canvas").first, points)
    control.get_by_alt_text("image of control").wait_for()
    return control


def use(control: Locator, name: str, width: float) -> None:
    control.get_by_role("button", name=name, exact=True).click()
    control.get_by_label("Width, as a number").fill(str(width))


def generate(page: Page) -> None:
    page.keyboard.press("Control+Enter")
    page.get_by_role("article", name="Result").wait_for(timeout=180_000)


def save(page: Page, path: Path) -> None:
    """A PNG, as small as it gets without loss."""
    page.wait_for_timeout(600)
    page.screenshot(path=path)
    with Image.open(path) as image:
        image.convert("RGB").save(path, optimize=True)


if __name__ == "__main__":
    main()
