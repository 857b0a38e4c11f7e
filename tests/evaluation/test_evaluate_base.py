"""The base's figures: PSNR by hand, and the whole evaluation on random networks."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

from zeroconv.base import BaseModel
from zeroconv.evaluation import base as evaluation_of_the_base
from zeroconv.evaluation.base import evaluate_base, psnr
from zeroconv.evaluation.held_out import HeldOut
from zeroconv.evaluation.sampler import Sampler


def test_psnr_is_that_of_the_definition() -> None:
    truth = np.full((4, 4, 3), 100, dtype=np.uint8)
    assert psnr(truth + np.uint8(5), truth) == pytest.approx(20 * math.log10(255 / 5))
    assert psnr(truth - np.uint8(5), truth) == pytest.approx(20 * math.log10(255 / 5))  # no wrap-around of uint8
    assert math.isfinite(psnr(truth, truth))
    assert psnr(truth, truth) >= 20 * math.log10(255)


def test_random_networks_pass_through_the_whole_evaluation(
    small_base: BaseModel, few_scenes: HeldOut, tmp_path: Path
) -> None:
    evaluation = evaluate_base(small_base, few_scenes, Sampler(steps=2), subject={"base": "small"})
    report = evaluation.report
    assert 0 < report["autoencoder PSNR"].mean < 30  # an untrained autoencoder
    assert report["background right, true"].mean > report["background right"].mean
    summary, rows = report.write(tmp_path, "base")
    assert json.loads(summary.read_text())["measures"]["autoencoder PSNR"]["unit"] == "dB"
    assert len(rows.read_text().splitlines()) == 25
    assert evaluation.sheet.size == (8 * 38 + 6, 3 * (32 + 6 * 12 + 6) + 6)


def test_a_perfect_base_gets_full_marks(
    small_base: BaseModel, few_scenes: HeldOut, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evaluation_of_the_base, "draw", lambda *_, **__: few_scenes.pictures)
    monkeypatch.setattr(evaluation_of_the_base, "through_autoencoder", lambda base, pictures, **_: pictures)
    report = evaluate_base(small_base, few_scenes, Sampler(steps=2), subject={}).report
    assert report["autoencoder edge F1"].mean == 1.0
    assert report["background right"] == report["background right, true"]
    assert report["wall right"] == report["wall right, true"]
