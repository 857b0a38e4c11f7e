"""LoRAs on the page in a real browser: picked, sent, told, restored, and without a place where none are offered."""

import json
import shlex
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from page_server import Served, press_generate, serving, set_steps
from playwright.sync_api import Browser, Locator, Page, expect

from zeroconv.request import Lora, Request
from zeroconv.serve.models import Models
from zeroconv.serve.page.loras import recorded_loras, restored_loras

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning", "ignore::UserWarning")


@pytest.fixture(scope="module")
def offering(lora_models: Models, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(lora_models, tmp_path_factory.mktemp("offering"), None) as server:
        yield server


def region(page: Page) -> Locator:
    return page.get_by_role("region", name="LoRAs")


def test_one_is_picked_sent_told_and_restored(browser: Browser, offering: Served) -> None:
    context = browser.new_context(viewport={"width": 1280, "height": 1000})
    page = context.new_page()
    page.goto(offering.address)
    loras = region(page)
    loras.get_by_role("button", name="Add a LoRA").press("Enter")
    expect(loras.get_by_label("LoRA", exact=True)).to_be_focused()
    loras.get_by_label("LoRA", exact=True).select_option("ink")
    chosen = loras.get_by_role("group", name="LoRA ink")
    chosen.get_by_role("slider", name="Strength").press("ArrowLeft")
    expect(chosen.get_by_label("Strength, as a number")).to_have_value("0.95")
    chosen.get_by_label("Strength, as a number").fill("0.1")
    loras.get_by_role("button", name="Add a LoRA").click()
    loras.get_by_role("button", name="Remove the LoRA style").press("Enter")
    expect(loras.get_by_role("button", name="Add a LoRA")).to_be_focused()
    page.get_by_label("Prompt", exact=True).fill("a tree")
    set_steps(page, 2)
    page.get_by_label("Size").fill("70x64")
    press_generate(page)
    result = page.get_by_role("article", name="Result")
    about = result.get_by_role("list", name="About it")
    expect(about).to_contain_text("LoRA ink, strength 0.1")
    expect(about).to_contain_text("The size 70x64 was rounded to 64x64")
    (job,) = offering.jobs.history()
    assert job.record["loras"] == [{"file": "ink", "strength": 0.1}]
    loras.get_by_role("button", name="Remove the LoRA ink").click()
    result.get_by_role("button", name="Back into the form").click()
    expect(loras.get_by_role("group", name="LoRA ink").get_by_label("Strength, as a number")).to_have_value("0.1")
    page.set_viewport_size({"width": 360, "height": 740})
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    context.close()


def test_there_is_no_place_for_them_where_none_are_offered(page: Page) -> None:
    expect(region(page)).to_have_count(0)


def test_a_request_in_words_names_them(offering: Served) -> None:
    asked = Request("a tree", steps=1, size=(64, 64), loras=(Lora("style", 0.1), Lora("ink", -0.05)))
    job = offering.jobs.submit(asked, base="tiny", client="a")
    *_, last = offering.jobs.watch(job.id)
    assert last.job.status == "done"
    texts = httpx.get(f"{offering.address}page/jobs/{job.id}/requests/0").json()
    words = shlex.split(texts["command"].replace("\\\n", ""))
    assert [words[at + 1] for at, word in enumerate(words) if word == "--lora"] == ["style:0.1", "ink:-0.05"]
    assert "loras=(Lora('style', 0.1), Lora('ink', -0.05),)," in texts["python"]
    compile(texts["python"], "program", "exec")
    assert [lora["file"] for lora in json.loads(texts["json"])["loras"]] == ["style", "ink"]


def test_what_was_made_elsewhere_is_known_by_its_file(lora_models: Models, lora_files: dict[str, Path]) -> None:
    record = {"loras": [{"file": "../x.safetensors", "strength": 0.5, "sha256": lora_models.lora_hash("ink")}]}
    text, missing = restored_loras(recorded_loras(record), lora_models)
    assert json.loads(text)["loras"] == [{"file": "ink", "strength": 0.5}] and missing == ()
    record["loras"][0]["sha256"] = "0"
    text, missing = restored_loras(recorded_loras(record), lora_models)
    assert json.loads(text)["loras"] == [] and missing == ("the LoRA ../x.safetensors is not offered here",)
    for damaged in ({"file": "x", "strength": float("nan")}, {"file": "x", "strength": "1"}, {}, "x"):
        with pytest.raises((TypeError, LookupError, AttributeError)):
            recorded_loras({"loras": [damaged]})
