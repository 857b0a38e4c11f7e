"""What the page sends becomes the request it stands for, or one sentence; no path and no address is opened for it."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from page_server import Served
from PIL import Image

from zeroconv import conditions
from zeroconv.errors import UserError
from zeroconv.request import Request
from zeroconv.serve.jobs import Jobs
from zeroconv.serve.models import Models
from zeroconv.serve.page import restore
from zeroconv.serve.page.catalogue import catalogue, offered_options
from zeroconv.serve.page.controls import Reader
from zeroconv.serve.page.form import Form, request_of, seeds_of
from zeroconv.serve.page.loras import restored_loras
from zeroconv.serve.page.pictures import address_of
from zeroconv.serve.page.preview import preview
from zeroconv.serve.page.ranges import RANGES
from zeroconv.serve.page.restore import from_text
from zeroconv.serve.page.results import safe
from zeroconv.serve.page.runs import Runs
from zeroconv.serve.settings import Limits, Settings

LIMITS = Limits()
FORM = Form("a tree", "", "tiny", "128x96", 6, "3.5", "ddim", "exact", "crop", "plain", "4", 2, "", "")
GREY = address_of(Image.new("RGB", (64, 64), "grey"))


def test_the_form_is_the_request_it_stands_for(models: Models) -> None:
    stack = {
        "controls": [{"condition": "canny", "image": GREY, "options": {"low": 30}, "strength": 0.5}],
        "missing": None,
    }
    request = request_of(replace(FORM, stack=json.dumps(stack)), models, LIMITS)
    (control,) = request.controls
    assert request.seeds == (4, 5) and request.size == (128, 96) and request.guidance == 3.5
    assert (control.name, control.strength, dict(control.options)) == ("canny", 0.5, {"low": 30})
    assert isinstance(control.image, Image.Image) and control.image.size == (64, 64)
    assert request_of(replace(FORM, guidance="", size="", count=1), models, LIMITS) == Request(
        "a tree", steps=6, scheduler="ddim", seeds=(4,)
    )


@pytest.mark.parametrize(
    ("text", "count", "seeds"), [("7", 3, (7, 8, 9)), ("7/7/9", 1, (7, 7, 9)), (" 1, 2 ", 2, (1, 2)), ("", 1, (0,))]
)
def test_one_seed_is_counted_up_and_several_stand_as_they_are(text: str, count: int, seeds: tuple[int, ...]) -> None:
    assert seeds_of(text, count, 64) == seeds


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"seeds": "x"}, "seeds must be whole numbers"),
        ({"seeds": "1/2", "count": 3}, "2 seeds for 3 pictures"),
        ({"count": 65}, "must be 1 to 64"),
        ({"size": "wide"}, "WIDTHxHEIGHT"),
        ({"guidance": "much"}, "the guidance must be a number"),
        ({"steps": 2.5}, "steps must be a whole number"),
        ({"speed": "warp"}, "unknown speed"),
        ({"fit": "padd"}, "unknown fit 'padd'"),
        ({"prompt_mode": "whole"}, "unknown prompt mode 'whole'"),
        ({"base": "none"}, "no base 'none'"),
        ({"stack": '{"missing": 2}'}, "control 2 has no picture yet"),
        ({"stack": "[["}, "load the page again"),
        ({"loras": "[["}, "load the page again"),
        ({"loras": "[1]"}, "load the page again"),
        ({"loras": '[{"file": "x", "strength": "much"}]'}, "must be a number"),
    ],
)
def test_a_field_that_makes_no_sense_is_told(models: Models, change: dict[str, Any], sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        request_of(replace(FORM, **change), models, LIMITS)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"image": "/etc/passwd"}, "a path or an address is not opened"),
        ({"image": "http://127.0.0.1:1/x.png"}, "a path or an address is not opened"),
        ({"image": None}, "the picture of canny is missing"),
        ({"options": {"weights": "/tmp/x"}}, "no option 'weights' here"),
        ({"options": {"low": 300}}, "expected 0 <= low <= high"),
        ({"checkpoint": ["x"]}, "asked for by its name"),
        ({"file": "x"}, "no field 'file'"),
        ({"mask": "/etc/passwd"}, "a path or an address is not opened"),
        ({"poses": {"people": []}}, "given ready"),
    ],
)
def test_a_control_that_makes_no_sense_is_told(models: Models, change: dict[str, Any], sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        Reader(models, LIMITS, "tiny", None).control({"condition": "canny", "image": GREY, **change})


def test_a_pose_is_drawn_at_the_size_of_the_run(models: Models) -> None:
    body = [value for x in range(18) for value in (20 * x + 40, 200, 1)]
    poses = {"people": [{"pose_keypoints_2d": body}], "canvas_width": 512, "canvas_height": 512}
    control = Reader(models, LIMITS, "tiny", None).control({"condition": "pose", "poses": poses, "ready": True})
    assert isinstance(control.image, Image.Image) and control.image.size == (128, 128) and control.ready
    assert np.asarray(control.image)[50].max() > 100


def test_a_controlnet_of_another_family_is_told_before_anything_runs(models: Models) -> None:
    other = replace(models.controlnets()["tiny-canny"], name="far", family="sd15")
    offered = _with_controlnet(models, other)
    control = {"condition": "canny", "image": GREY, "checkpoint": "far"}
    with pytest.raises(UserError, match="the ControlNet far is for bases of the family sd15, tiny is tiny"):
        preview({"base": "tiny", "size": "", "control": control}, offered, LIMITS)


def test_every_option_that_the_page_shows_is_a_number_with_a_range_a_choice_or_a_switch(
    models: Models, tmp_path: Any
) -> None:
    offered = catalogue(models, Settings(tmp_path))
    shown = [(name, option) for name, kind in offered["conditions"].items() for option in kind["options"]]
    assert {option["kind"] for _, option in shown} == {"number", "choice", "yes"}
    numbers = {(name, option["name"]) for name, option in shown if option["kind"] == "number"}
    assert numbers == set(RANGES)
    assert all(
        option["low"] <= option["default"] <= option["high"] for _, option in shown if option["kind"] == "number"
    )
    assert not {"weights", "detector", "keypoints", "device"} & {option["name"] for _, option in shown}
    assert set(offered["conditions"]) == set(conditions.names()) and len(offered["palettes"]["ade20k"]) == 149
    assert offered["controlnets"]["tiny-depth"]["options"]["method"] == "scenes"
    assert [option.name for option in offered_options("canny")] == ["low", "high"]


def test_what_the_form_cannot_hold_is_said(tmp_path: Path, models: Models, monkeypatch: pytest.MonkeyPatch) -> None:
    control = {"condition": "canny", "strength": [0.5, 1.0], "options": {"low": 50}, "mask": "region.png"}
    hed = {"condition": "hed", "options": {"weights": "elsewhere", "device": "cuda"}, "strength": 1.0}
    pose = {"condition": "pose", "ready": True, "strength": 1.0}
    record = {"schema": 1, "prompt": ["a cone", "a tree"], "seeds": [3, 4], "controls": [control, hed, pose]}
    record |= {"loras": [{"file": "style.safetensors", "strength": 1.0}], "prompt_mode": "weighted", "fit": "pad"}
    record |= {"image": "photo.png", "mask": "mask.png", "denoise": 0.6}
    monkeypatch.setattr(restore, "prompt_modes", lambda: ("plain", "long"))
    jobs = Jobs(Settings(tmp_path), models)
    try:
        restored = from_text(jobs, json.dumps(record), None)
        plain = from_text(jobs, json.dumps({"schema": 1, "prompt": "a cone", "seeds": [3], "controls": []}), None)
        with pytest.raises(UserError, match="unknown fit 'padd'"):
            from_text(jobs, json.dumps({**record, "fit": "padd"}), None)
    finally:
        jobs.close()
    assert restored.fields["prompt"] == "a cone" and restored.fields["seeds"] == "3"
    assert (restored.fields["fit"], restored.fields["prompt_mode"]) == ("pad", "plain")
    assert restored.start == {"denoise": 0.6, "masked": True} and restored.controls[0]["strength"] == 0.5
    assert set(restored.notes) == {
        "the starting picture is not on this server; give it again",
        "the mask of the starting picture is not on this server; give it again",
        *(f"the picture of control {number} is not on this server; give it again" for number in (1, 2, 3)),
        "the region of control 1 is not on this server; give it again",
        "control 1 had a strength for each picture; the first is set",
        "the option weights of control 2 is left out: it is the server's to choose",
        "there was a prompt for each picture; the first is set",
        "prompts were read as weighted, which this server cannot; they are read plain",
    }
    _, missing = restored_loras(restored.fields["loras"], models)
    assert missing == ("the LoRA style.safetensors is not offered here",)
    assert plain.notes == () and plain.start is None


def test_text_in_the_page_means_nothing_to_html_or_its_templates() -> None:
    assert not set(safe('<b onclick="x">{{a}} ${b} `c` \\ \'')) & set("<>\"'{}$`\\")


def test_only_training_runs_that_are_listed_are_shown(served: Served) -> None:
    assert served.settings.runs is not None
    runs = Runs(served.settings.runs)
    assert runs.names() == ["canny"] and Runs(None).names() == []
    for name in ("../canny", "/etc", "canny/..", ""):
        with pytest.raises(UserError, match="no training run"):
            runs.report(name)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "gradio_api/upload"),
        ("GET", "gradio_api/file=/etc/passwd"),
        ("GET", "gradio_api/proxy=http://127.0.0.1:1/"),
        ("POST", "gradio_api/run/predict"),
        ("GET", "gradio_api/runs"),
        ("POST", "gradio_api/vibe-edit"),
        ("GET", "monitoring"),
        ("GET", "page/jobs/none/files/run.json"),
        ("GET", "page/jobs/none/run.zip"),
        ("GET", "page/jobs/none/requests/0"),
        ("GET", "page/static/..%2fmount.py"),
    ],
)
def test_what_the_page_does_not_need_is_not_there(served: Served, method: str, path: str) -> None:
    answer = httpx.request(method, served.address + path)
    assert answer.status_code == 404 and "/work" not in answer.text


def test_files_of_a_job_lie_in_its_folder(served: Served) -> None:
    request = Request("a tree", steps=1, seeds=(1,))
    job = served.jobs.submit(request, base="tiny", client="somebody")
    list(served.jobs.watch(job.id))
    with httpx.Client(base_url=served.address) as http:
        assert http.get(f"page/jobs/{job.id}/files/0000.png").headers["content-type"] == "image/png"
        for name in ("../../jobs.sqlite3", "..%2f..%2fjobs.sqlite3", "none.png", "inputs%2f..%2frun.json", ".a.png"):
            assert http.get(f"page/jobs/{job.id}/files/{name}").status_code == 404
        assert http.get(f"page/jobs/{job.id}/requests/9").status_code == 404


def _with_controlnet(models: Models, info: Any) -> Models:
    """The same models with one more ControlNet on the list."""
    other = object.__new__(Models)
    other.__dict__.update(models.__dict__)
    other._infos = {**models._infos, info.name: info}
    return other
