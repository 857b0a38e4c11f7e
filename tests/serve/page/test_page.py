"""The page as a person uses it, in a real browser over a real server with the embedded base."""

from playwright.sync_api import Locator, Page, expect

from conftest import ERRORS, FOREIGN, Served


def test_a_scribble_is_drawn_and_generated(fresh: Page, served: Served) -> None:
    _set_steps(fresh, 4)
    fresh.get_by_label("Prompt", exact=True).fill("a red house")
    control = _add(fresh, "scribble", "Draw")
    _stroke(fresh, control.locator("canvas"), [(0.2, 0.7), (0.5, 0.2), (0.8, 0.7), (0.2, 0.7)])
    expect(control.get_by_alt_text("The Scribble image of control 1")).to_be_visible()
    fresh.get_by_role("button", name="Generate", exact=True).click()
    result = fresh.get_by_role("article", name="Result")
    expect(result.get_by_alt_text("Picture of seed 0")).to_be_visible(timeout=60_000)
    job = served.jobs.history(limit=1)[0]
    assert job.status == "done" and job.record["prompt"] == "a red house"


def _add(page: Page, condition: str, source: str) -> Locator:
    page.get_by_role("button", name="Add a control").click()
    control = page.locator(".zc-control").last
    control.get_by_label("Condition", exact=True).select_option(condition)
    control.get_by_role("button", name=source, exact=True).click()
    return control


def _stroke(page: Page, canvas: Locator, points: list[tuple[float, float]]) -> None:
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    assert box is not None
    places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in points]
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=4)
    page.mouse.up()


def _set_steps(page: Page, steps: int) -> None:
    field = page.get_by_label("number input for Steps")
    if not field.is_visible():
        page.get_by_role("button", name="How it is made").click()
    field.fill(str(steps))
    field.blur()
