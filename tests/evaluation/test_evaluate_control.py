"""The five settings of the control evaluation: what each is drawn from and scored against."""

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch

from zeroconv.base import BaseModel
from zeroconv.control import ControlNet
from zeroconv.evaluation import control
from zeroconv.evaluation.control import evaluate_control
from zeroconv.evaluation.held_out import HeldOut, Picture
from zeroconv.evaluation.sampler import Sampler

SAMPLER = Sampler(steps=2, batch=5, seed=3)


def test_random_networks_pass_through_the_whole_evaluation(
    small_base: BaseModel, small_controlnet: ControlNet, few_scenes: HeldOut, tmp_path: Path
) -> None:
    evaluation = evaluate_control(small_base, small_controlnet, "canny", few_scenes, SAMPLER, subject={"base": "small"})
    report = evaluation.report
    assert [m.name for m in report.measures[:5]] == ["control", "no control", "empty prompt", "shuffled", "ceiling"]
    assert all(0 <= m.estimate.low <= m.estimate.mean <= m.estimate.high <= 1 for m in report.measures[:5])
    difference = report["control"].mean - report["no control"].mean
    assert report["control - no control"].mean == pytest.approx(difference)
    assert report.subject["base_untouched"] is True
    assert report.subject["base_weights"] == report.subject["base_weights_after"]
    summary, rows = report.write(tmp_path, "control")
    found = json.loads(summary.read_text())
    assert found["protocol"]["sampler"] == {
        "steps": 2,
        "guidance": 7.5,
        "scheduler": "ddim",
        "seed": 3,
        "strength": 1.0,
    }
    lines = list(csv.DictReader(rows.read_text().splitlines()))
    assert len(lines) == 24
    assert lines[5]["caption"] == few_scenes.captions[5]
    assert lines[5]["seed"] == "8"
    mean = np.mean([float(line["control"]) for line in lines])
    assert found["measures"]["control"]["mean"] == pytest.approx(mean, abs=1e-5)
    assert evaluation.sheet.size[0] > 5 * 32


class Draughtsman:
    """Draws the true picture when it is given a condition and the blank page otherwise; notes what it was asked."""

    def __init__(self, held_out: HeldOut) -> None:
        self.held_out, self.calls = held_out, []  # type: ignore[var-annotated]

    def __call__(self, base: BaseModel, prompts: Sequence[str], sampler: Sampler, **given: Any) -> tuple[Picture, ...]:
        self.calls.append((tuple(prompts), given.get("controls")))
        if "controls" in given:
            return self.held_out.pictures
        return tuple(np.zeros_like(picture) for picture in self.held_out.pictures)


def test_each_setting_is_drawn_and_scored_as_it_says(
    small_base: BaseModel, small_controlnet: ControlNet, few_scenes: HeldOut, monkeypatch: pytest.MonkeyPatch
) -> None:
    draughtsman = Draughtsman(few_scenes)
    monkeypatch.setattr(control, "draw", draughtsman)
    monkeypatch.setattr(control, "through_autoencoder", lambda base, pictures, **_: pictures)
    report = evaluate_control(small_base, small_controlnet, "canny", few_scenes, SAMPLER, subject={}).report
    assert report["control"].mean == report["empty prompt"].mean == report["ceiling"].mean == 1.0
    assert report["no control"].mean == 0.0
    assert 0.0 < report["shuffled"].mean < 0.8  # another scene's edges, not the scene's own and not nothing
    assert report["control - no control"].mean == 1.0
    assert report[control.WAY].mean == 1.0
    prompts = [call[0] for call in draughtsman.calls]
    assert prompts[0] == prompts[2] == few_scenes.captions
    assert set(prompts[1]) == {""}
    assert draughtsman.calls[2][1] is None
    assert draughtsman.calls[0][1] is draughtsman.calls[1][1]
    asked = draughtsman.calls[0][1].conditions
    canny = [cv2.Canny(picture, 100, 200) for picture in few_scenes.pictures]
    assert all((given[:, :, 0] == edges).all() for given, edges in zip(asked, canny, strict=True))


def test_a_baseline_at_hand_is_not_drawn_again(
    small_base: BaseModel, small_controlnet: ControlNet, few_scenes: HeldOut, monkeypatch: pytest.MonkeyPatch
) -> None:
    baseline = control.draw_baseline(small_base, few_scenes, SAMPLER)
    own = evaluate_control(small_base, small_controlnet, "canny", few_scenes, SAMPLER, subject={}).report
    monkeypatch.setattr(control, "draw_baseline", lambda *_, **__: pytest.fail("drawn again"))
    shared = evaluate_control(
        small_base, small_controlnet, "canny", few_scenes, SAMPLER, subject={}, baseline=baseline
    ).report
    assert shared.measures == own.measures and shared.protocol_hash == own.protocol_hash


def test_a_base_that_changed_on_the_way_is_told(
    small_base: BaseModel, small_controlnet: ControlNet, few_scenes: HeldOut, monkeypatch: pytest.MonkeyPatch
) -> None:
    weight = small_base.vae.decoder.conv_in.weight

    def spoil(base: BaseModel, pictures: tuple[Picture, ...], **_: Any) -> tuple[Picture, ...]:
        with torch.no_grad():
            weight.add_(1e-3)
        return pictures

    before = weight.clone()
    monkeypatch.setattr(control, "draw", Draughtsman(few_scenes))
    monkeypatch.setattr(control, "through_autoencoder", spoil)
    report = evaluate_control(small_base, small_controlnet, "canny", few_scenes, SAMPLER, subject={}).report
    with torch.no_grad():
        weight.copy_(before)
    assert report.subject["base_untouched"] is False


def test_the_protocol_hash_names_what_the_numbers_depend_on(
    small_base: BaseModel, small_controlnet: ControlNet, few_scenes: HeldOut, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control, "draw", Draughtsman(few_scenes))

    def protocol_hash(sampler: Sampler) -> str:
        return evaluate_control(
            small_base, small_controlnet, "canny", few_scenes, sampler, subject={}
        ).report.protocol_hash

    first = protocol_hash(SAMPLER)
    assert protocol_hash(Sampler(steps=2, batch=24, seed=3)) == first  # how many are drawn together does not matter
    assert protocol_hash(Sampler(steps=3, batch=5, seed=3)) != first
    assert protocol_hash(Sampler(steps=2, batch=5, seed=4)) != first
