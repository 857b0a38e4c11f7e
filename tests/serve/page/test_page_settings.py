"""How pictures of another shape are fitted and how long prompts are read, as the page shows and asks for it."""

from pathlib import Path

import numpy as np
import pytest
from page_server import Served, add_control, generate, picture_in, start_anew
from PIL import Image
from playwright.sync_api import Page, expect

from zeroconv.errors import UserError
from zeroconv.serve.models import Models
from zeroconv.serve.page.pictures import address_of
from zeroconv.serve.page.preview import preview
from zeroconv.serve.page.start_check import check_start
from zeroconv.serve.settings import Limits

LIMITS = Limits()
STRIPES = Image.fromarray(np.repeat(np.tile(np.uint8([0, 0, 0, 0, 255, 255, 255, 255]), (32, 16))[..., None], 3, 2))
"""128 wide, 32 high."""


def test_a_control_is_fitted_as_asked_before_anything_runs(models: Models) -> None:
    control = {"condition": "canny", "image": address_of(STRIPES)}
    given = {"base": "tiny", "size": "64x64", "control": control}
    fits = ("crop", "pad", "stretch")
    edges = {fit: picture_in(preview({**given, "fit": fit}, models, LIMITS)["image"]) for fit in fits}
    assert (picture_in(preview(given, models, LIMITS)["image"]) == edges["crop"]).all()
    assert edges["crop"].max() == edges["stretch"].max() == 255 and (edges["crop"] != edges["stretch"]).any()
    assert edges["pad"][:20].max() == edges["pad"][-20:].max() == 0 and edges["pad"][32].max() == 255
    with pytest.raises(UserError, match=r"unknown fit 'padd'; .*pad"):
        preview({**given, "fit": "padd"}, models, LIMITS)


@pytest.mark.parametrize(("fit", "done"), [("crop", "cropped"), ("pad", "padded"), ("stretch", "stretched")])
def test_what_becomes_of_a_starting_picture_is_said(models: Models, fit: str, done: str) -> None:
    given = {"base": "tiny", "size": "64x64", "fit": fit, "start": {"image": address_of(STRIPES), "denoise": 0.5}}
    found = check_start(given, models, LIMITS)
    assert f"The picture of 128x32 is {done} to the shape of 64x64." in found["notes"]
    assert picture_in(found["image"])[2].max() == (0 if fit == "pad" else 255)


def test_fit_and_prompt_mode_are_asked_for_and_restored(page: Page, served: Served, tmp_path: Path) -> None:
    STRIPES.save(tmp_path / "stripes.png")
    start_anew(page, 3)
    long = "a red house, " * 40
    page.get_by_label("Prompt", exact=True).fill(long)
    page.get_by_label("Size", exact=True).fill("64x64")
    control = add_control(page, "canny", "From a photo")
    control.get_by_label("Photo").set_input_files(tmp_path / "stripes.png")
    image = page.get_by_alt_text("The Canny edges image of control 1")
    expect(image).to_be_visible()
    before = image.get_attribute("src")
    page.get_by_role("radio", name="pad").check()
    expect(image).not_to_have_attribute("src", str(before))
    plain = generate(page, served.jobs)
    assert plain.record["fit"] == "pad" and any("exceeds 48 tokens" in note for note in plain.notes)
    page.get_by_role("radio", name="long").check()
    made = generate(page, served.jobs)
    assert (made.record["fit"], made.record["prompt_mode"]) == ("pad", "long") and not made.notes
    for name in ("crop", "plain"):
        page.get_by_role("radio", name=name).check()
    page.get_by_label("Restore a request").set_input_files(served.jobs.folder(made.id) / "0000.png")
    for name in ("pad", "long"):
        expect(page.get_by_role("radio", name=name)).to_be_checked()
    for name in ("crop", "plain"):
        page.get_by_role("radio", name=name).check()
    start_anew(page, 4)
