"""The camera of the page, which is the browser's own: a clock on green."""

import numpy as np
from page_server import ALLOWED, CHROMIUM, FLAGS, Served, add_control, picture_in, read_stack
from playwright.sync_api import Browser, Page, expect

STREAMS = """() => {
  window.streams = [];
  const { mediaDevices } = navigator, open = mediaDevices.getUserMedia.bind(mediaDevices);
  mediaDevices.getUserMedia = async (wanted) => {
    window.streams.push(await open(wanted));
    return window.streams.at(-1);
  };
}"""
LIVE = "() => window.streams.map((stream) => stream.getTracks().filter((track) => track.readyState === 'live').length)"


def test_a_picture_is_taken_and_the_camera_let_go(page: Page) -> None:
    page.evaluate(STREAMS)
    control = add_control(page, "canny", "From a photo")
    control.get_by_role("button", name="Use the camera").click()
    expect(control.get_by_label("What the camera sees")).to_be_visible()
    expect(control.get_by_role("button", name="Take the picture")).to_be_focused()
    assert page.evaluate(LIVE) == [1]
    page.keyboard.press("Enter")
    expect(control.get_by_alt_text("The Canny edges image of control 1")).to_be_visible()
    (sent,) = read_stack(page)
    taken = picture_in(sent["image"])
    assert taken.shape[1] > taken.shape[0] >= 120 and np.median(taken[..., 1]) > 100 > np.median(taken[..., 0])
    assert page.evaluate(LIVE) == [0]
    expect(control.get_by_role("button", name="Use the camera")).to_be_visible()
    control.get_by_role("button", name="Use the camera").click()
    expect(control.get_by_role("button", name="Take the picture")).to_be_focused()
    control.get_by_role("button", name="Close the camera").click()
    expect(control.get_by_role("button", name="Use the camera")).to_be_focused()
    control.get_by_role("button", name="Use the camera").click()
    expect(control.get_by_role("button", name="Take the picture")).to_be_enabled()
    assert page.evaluate(LIVE) == [0, 0, 1]
    page.get_by_role("button", name="Remove control 1").click()
    page.wait_for_function(f"() => ({LIVE})().every((count) => count === 0)")


def test_a_refused_camera_is_one_sentence(browser: Browser, served: Served) -> None:
    refusing = [flag for flag in FLAGS if flag != ALLOWED]
    other = browser.browser_type.launch(executable_path=CHROMIUM, args=refusing)
    page = other.new_page()
    page.goto(served.address)
    control = add_control(page, "canny", "From a photo")
    control.get_by_role("button", name="Use the camera").click()
    said = "The camera was refused: allow it for this page in the browser, or give a file."
    expect(control.get_by_role("status")).to_have_text(said)
    page.evaluate("() => window.zeroconv.stack.controls[0].show()")  # as after any change of the form
    expect(control.get_by_role("status")).to_have_text(said)
    expect(control.get_by_role("button", name="Use the camera")).to_be_enabled()
    other.close()
