import json
import os
import re
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from toytraining import same_weights

from zeroconv import weights
from zeroconv.base import load_base
from zeroconv.cli.entry import main
from zeroconv.training import run as run_file
from zeroconv.training.state import load_newest

Train = Callable[..., int]


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def train(sd15_folder: Path, cache: Path, tmp_path: Path) -> Train:
    """`zeroconv train` on a random base, six scenes, four steps; options given later win."""

    def run(*options: str, out: Path = tmp_path / "run") -> int:
        fixed = f"--base {sd15_folder} --condition canny --data scenes:6 --steps 4 --batch-size 2 --gain-every 2"
        machine = f"--out {out} --cache {cache} --workers 0 --held-out 3 --learning-rate 1e-3"
        return main(["train", *fixed.split(), *machine.split(), *options])

    return run


def logged(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]


def test_a_run_leaves_all_that_one_wants_to_see(
    train: Train, tmp_path: Path, sd15_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    assert train("--resume", "--preview-every", "3", "--ema", "0.5") == 0
    assert "starting fresh" in capsys.readouterr().out
    assert [line["step"] for line in logged(out)] == [1, 2, 3, 4]
    assert [line.split(",")[0] for line in (out / "gain.csv").read_text().splitlines()] == ["step", "0", "2", "4"]
    assert (out / "gain.csv").read_text().splitlines()[1].endswith(",0,0,0,0")
    for picture in (out / "gain.png", out / "previews" / "000003.png"):
        with Image.open(picture) as image:
            assert image.width >= 4 * 64
    base = load_base(sd15_folder)
    controlnet, sidecar = weights.load_with_sidecar(out / "controlnet", base)
    record = load_newest(out / "states")
    assert record is not None and record["step"] == 4
    assert same_weights(controlnet.state_dict(), record["averaged"])
    assert not same_weights(controlnet.state_dict(), record["controlnet"])
    assert (sidecar.condition, sidecar.condition_options) == ("canny", {"low": 100, "high": 200})
    assert sidecar.polarity == "white on black" and sidecar.base_fingerprint == base.fingerprint()
    training = sidecar.training
    assert (training["steps"], training["samples"], training["config"]["prompt_drop"]) == (4, 8, 0.5)
    assert training["base_hash_before"] == training["base_hash_after"] == run_file.base_hash(base)
    assert [point["step"] for point in training["gain"]] == [0, 2, 4]
    assert training["data"] == {"kind": "scenes", "seed": 1, "size": 64, "examples": 6}


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_goes_on_as_if_nothing_had_happened(
    train: Train,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    stop: signal.Signals,
) -> None:
    whole, parted = tmp_path / "whole", tmp_path / "parted"
    assert train(out=whole) == 0
    observe = run_file._observe

    def interrupted(run: Any, step: Any, bar: Any) -> None:
        observe(run, step, bar)
        if step.number == 3:
            os.kill(os.getpid(), stop)

    with monkeypatch.context() as patch:
        patch.setattr(run_file, "_observe", interrupted)
        assert train(out=parted) == 128 + stop
    assert f"stopped by {stop.name} after step 3" in capsys.readouterr().out
    assert not (parted / "controlnet").exists()
    assert train("--resume", out=parted) == 0
    assert "going on after step 3" in capsys.readouterr().out
    ours, theirs = (load_file(out / "controlnet" / "diffusion_pytorch_model.safetensors") for out in (parted, whole))
    assert same_weights(ours, theirs)
    assert (parted / "gain.csv").read_text() == (whole / "gain.csv").read_text()
    times = ("samples_per_second",)
    plain = [[{k: v for k, v in line.items() if k not in times} for line in logged(out)] for out in (parted, whole)]
    assert plain[0] == plain[1]


def test_a_resumed_run_keeps_its_settings_and_takes_new_ones(
    train: Train, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train("--warm-up", "7", "--seed", "5") == 0
    assert train("--resume", "--steps", "6") == 0
    said = capsys.readouterr().out
    assert "with other settings: steps 4 -> 6" in said and "warm_up" not in said
    record = load_newest(tmp_path / "run" / "states")
    assert record is not None
    assert (record["step"], record["config"]["warm_up"], record["config"]["seed"]) == (6, 7, 5)
    assert [line["step"] for line in logged(tmp_path / "run")] == [1, 2, 3, 4, 5, 6]


def test_a_finished_run_that_is_resumed_is_finished_again(train: Train, tmp_path: Path) -> None:
    assert train("--ema", "0.5") == 0
    result = tmp_path / "run" / "controlnet" / "diffusion_pytorch_model.safetensors"
    before = load_file(result)
    assert train("--resume") == 0
    assert same_weights(load_file(result), before)


def test_a_run_is_never_overwritten(train: Train, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert train("--steps", "1") == 0
    before = (tmp_path / "run" / "run.json").read_text()
    assert train("--steps", "1") == 2
    assert "already holds a training run; add --resume" in capsys.readouterr().err
    assert train("--steps", "2", "--resume", "--data", "scenes:7") == 2
    assert "was started with data = " in capsys.readouterr().err
    assert train("--steps", "2", "--resume", "--condition", "canny,low=50") == 2
    assert "was started with condition = " in capsys.readouterr().err
    assert (tmp_path / "run" / "run.json").read_text() == before
    (tmp_path / "file").write_text("")
    assert train(out=tmp_path / "file") == 2
    assert "is a file" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ("--condition cany", "did you mean 'canny'"),
        ("--condition canny,low=300", "low <= high"),
        ("--condition canny,low=x", "canny: low must be a whole number"),
        ("--data scenes:none", "whole number"),
        ("--data coco:5", "known: scenes"),
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
    assert train(*options.split()) == 2
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert error.startswith("zeroconv: error: ") and sentence in error
    assert not (tmp_path / "run").exists()


def test_the_help_explains_every_setting(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "--help"]) == 0
    text = re.sub(r"\s+", " ", capsys.readouterr().out)
    assert "--learning-rate N" in text and "default: 1e-05; for small bases 0.0005)" in text
    assert "0.5 is" not in text and "--prompt-drop N Share of prompts replaced by the empty one" in text


def test_new_weights_are_the_same_every_time_and_leave_the_random_state_alone(train: Train, tmp_path: Path) -> None:
    torch.manual_seed(1)
    expected = torch.rand(2)
    torch.manual_seed(1)
    assert train("--steps", "1", out=tmp_path / "one") == 0
    assert torch.equal(torch.rand(2), expected)
    assert train("--steps", "1", out=tmp_path / "two") == 0
    assert train("--steps", "1", "--seed", "9", out=tmp_path / "three") == 0
    one, two, three = (
        load_file(tmp_path / name / "controlnet" / "diffusion_pytorch_model.safetensors")
        for name in ("one", "two", "three")
    )
    assert same_weights(one, two) and not same_weights(one, three)
