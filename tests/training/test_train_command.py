import json
import os
import re
import signal
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from toytraining import Train, same_weights

from zeroconv import weights
from zeroconv.base import load_base
from zeroconv.base.hashing import base_hash
from zeroconv.cli.entry import main
from zeroconv.training import course as course_file
from zeroconv.training import prepare as prepare_file
from zeroconv.training.state import load_newest

RESULT = Path("controlnet", "diffusion_pytorch_model.safetensors")


def logged(out: Path) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
    return [{key: value for key, value in line.items() if key != "samples_per_second"} for line in lines]


def test_a_run_leaves_all_that_one_wants_to_see(whole: Path, sd15_folder: Path) -> None:
    assert [line["step"] for line in logged(whole)] == [1, 2, 3, 4]
    assert [line.split(",")[0] for line in (whole / "gain.csv").read_text().splitlines()] == ["step", "0", "2", "4"]
    assert (whole / "gain.csv").read_text().splitlines()[1].endswith(",0,0,0,0,3,0,,0,,0,,0,,0,,0,")
    for picture in (whole / "gain.png", whole / "previews" / "000003.png"):
        with Image.open(picture) as image:
            assert image.width >= 4 * 64
    record = load_newest(whole / "states")
    controlnet = weights.load(whole / "controlnet", load_base(sd15_folder))
    assert record is not None and record["step"] == 4
    assert same_weights(controlnet.state_dict(), record["averaged"])
    assert not same_weights(controlnet.state_dict(), record["controlnet"])


def test_the_result_says_what_it_is_and_what_it_took(whole: Path, sd15_folder: Path) -> None:
    base = load_base(sd15_folder)
    _, sidecar = weights.load_with_sidecar(whole / "controlnet", base)
    assert (sidecar.condition, sidecar.condition_options) == ("canny", {"low": 100, "high": 200})
    assert sidecar.polarity == "white on black" and sidecar.base_fingerprint == base.fingerprint()
    training = sidecar.training
    assert (training["steps"], training["samples"], training["config"]["prompt_drop"]) == (4, 8, 0.5)
    assert training["base_hash_before"] == training["base_hash_after"] == base_hash(base)
    assert [point["step"] for point in training["gain"]] == [0, 2, 4]
    assert training["data"] == {"kind": "scenes", "seed": 1, "size": 64, "examples": 6}


def test_a_run_in_bf16_keeps_its_base_short_and_goes_on_bitwise(
    train: Train, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prepare_file, "PREVIEWED", 1)
    seen = []
    observe = course_file.observe
    monkeypatch.setattr(course_file, "observe", lambda run, *told: (seen.append(run.base.dtype), observe(run, *told)))
    short = ("--precision", "bf16", "--preview-every", "2", "--decay", "0")
    assert train(tmp_path / "whole", *short) == train(tmp_path / "cut", *short, "--steps", "2") == 0
    assert train(tmp_path / "cut", "--resume", "--steps", "4") == 0
    assert set(seen) == {torch.bfloat16}
    one, other = (load_file(tmp_path / name / RESULT) for name in ("whole", "cut"))
    assert same_weights(one, other) and {value.dtype for value in one.values()} == {torch.float32}
    assert (tmp_path / "whole" / "gain.csv").read_text().splitlines()[1].endswith(",0,0,0,0,3,0,,0,,0,,0,,0,,0,")
    assert (tmp_path / "whole" / "previews" / "000004.png").exists()


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_goes_on_as_if_nothing_had_happened(
    train: Train,
    whole: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    stop: signal.Signals,
) -> None:
    observe = course_file.observe

    def interrupted(run: Any, step: Any, bar: Any) -> None:
        observe(run, step, bar)
        if step.number == 3:
            os.kill(os.getpid(), stop)

    with monkeypatch.context() as patch:
        patch.setattr(course_file, "observe", interrupted)
        assert train(tmp_path, "--resume") == 128 + stop
    said = capsys.readouterr().out
    assert "starting fresh" in said and f"stopped by {stop.name} after step 3" in said
    assert not (tmp_path / "controlnet").exists()
    assert train(tmp_path, "--resume") == 0
    assert "going on after step 3" in capsys.readouterr().out
    assert same_weights(load_file(tmp_path / RESULT), load_file(whole / RESULT))
    assert (tmp_path / "gain.csv").read_text() == (whole / "gain.csv").read_text()
    assert logged(tmp_path) == logged(whole)


def test_a_resumed_run_keeps_its_settings_and_takes_new_ones(
    train: Train, copy: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("zeroconv.training.config.defaults_for", lambda *_: {"warm_up": 99})
    assert train(copy, "--resume", "--steps", "5") == 0
    said = capsys.readouterr().out
    assert "with other settings: steps 4 -> 5" in said and "warm_up" not in said
    record = load_newest(copy / "states")
    assert record is not None
    assert (record["step"], record["config"]["warm_up"], record["config"]["seed"]) == (5, 20, 5)
    assert [line["step"] for line in logged(copy)] == [1, 2, 3, 4, 5]


def test_a_finished_run_that_is_resumed_is_finished_again(train: Train, copy: Path) -> None:
    before = load_file(copy / RESULT)
    (copy / RESULT).unlink()
    assert train(copy, "--resume") == 0
    assert same_weights(load_file(copy / RESULT), before)


def test_a_run_is_never_overwritten(train: Train, copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = (copy / "run.json").read_text()
    assert train(copy) == 2
    assert "already holds a training run; add --resume" in capsys.readouterr().err
    assert train(copy, "--resume", "--data", "scenes:7") == 2
    assert "was started with data = " in capsys.readouterr().err
    assert train(copy, "--resume", "--condition", "canny,low=50") == 2
    assert "was started with condition = " in capsys.readouterr().err
    assert (copy / "run.json").read_text() == before
    assert train(copy / "run.json") == 2
    assert "is a file" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ("--condition cany", "did you mean 'canny'"),
        ("--condition canny,low=300", "low <= high"),
        ("--condition canny,low=x", "canny: low must be a whole number"),
        ("--data scenes:none", "whole number"),
        ("--data coco:5", "or 'scenes:COUNT'"),
        ("--learning-rate fast", "learning_rate must be a number"),
        ("--learning-rate -1", "learning_rate must be above 0"),
        ("--steps 2.5", "steps must be a whole number"),
        ("--prompt-drop 50", "between 0 and 1"),
        ("--batch-size 3 --accumulation 2", "accumulation must divide"),
        ("--threads 0", "--threads must be at least 1"),
        ("--workers -1", "--workers must be at least 0"),
        ("--held-out 1", "at least 2 examples"),
        ("--device gpu", "unknown device 'gpu'"),
        ("--base /nowhere/at/all", "/nowhere/at/all"),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(
    train: Train, tmp_path: Path, capsys: pytest.CaptureFixture[str], options: str, sentence: str
) -> None:
    assert train(tmp_path / "run", *options.split()) == 2
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert error.startswith("zeroconv: error: ") and sentence in error
    assert not (tmp_path / "run").exists()


def test_the_help_explains_every_setting(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "--help"]) == 0
    text = re.sub(r"\s+", " ", capsys.readouterr().out)
    assert "--learning-rate N" in text and "default: 1e-05; for small bases 0.0012)" in text
    assert "0.5 is" not in text and "--prompt-drop N Share of prompts replaced by the empty one" in text
