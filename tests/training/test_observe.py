"""What a run leaves besides its result: messages, the best checkpoint, the sheet of pictures; and that it resumes."""

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from safetensors.torch import load_file
from toytraining import Train, same_weights

from zeroconv.training import course as course_file
from zeroconv.training import observe as observe_file
from zeroconv.training import prepare as prepare_file
from zeroconv.training.best import step_of
from zeroconv.training.curve import read_table
from zeroconv.training.onset import Onset
from zeroconv.training.state import load_newest, save_state

WEIGHTS = "diffusion_pytorch_model.safetensors"
OLD_COLUMNS = 8


def kill_after(step_number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next run dies when this step has been observed, before its state can be saved."""
    observe = course_file.observe

    def killed(run: Any, step: Any, bar: Any) -> None:
        observe(run, step, bar)
        if step.number == step_number:
            raise KeyboardInterrupt

    monkeypatch.setattr(course_file, "observe", killed)


def set_in_after(step: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three examples cannot show an onset: it is simulated."""

    def found(points: Any, looks: int) -> Onset | None:
        return Onset(step, 0, 0.999) if points[-1].step >= step else None

    monkeypatch.setattr(observe_file, "find_onset", found)


def test_the_best_checkpoint_is_kept_beside_the_last(whole: Path) -> None:
    points = read_table(whole / "gain.csv")
    best = max(points[1:], key=lambda point: point.gain)
    assert step_of(whole / "best") == best.step
    last = load_file(whole / "controlnet" / WEIGHTS)
    assert same_weights(load_file(whole / "best" / WEIGHTS), last) == (best.step == 4)
    assert not list((whole / "states").glob("best-*"))  # no saved state is older than the last


def test_a_killed_run_that_goes_on_is_bitwise_the_one_that_was_not(
    train: Train, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed where measurement, best checkpoint and messages are ahead of the last saved state."""
    with monkeypatch.context() as patch:
        kill_after(4, patch)
        assert train(tmp_path, "--resume", "--save-every", "3", "--expect-control-by", "4") == 130
    record = load_newest(tmp_path / "states")
    assert record is not None and record["step"] == 3 and step_of(tmp_path / "best") == 4
    assert "warning: after 4 steps" in (tmp_path / "messages.txt").read_text()
    with monkeypatch.context() as patch:
        kill_after(4, patch)
        assert train(tmp_path, "--resume") == 130
    assert train(tmp_path, "--resume") == 0
    for name in ("best", "controlnet"):
        assert same_weights(load_file(tmp_path / name / WEIGHTS), load_file(whole / name / WEIGHTS))
    assert (tmp_path / "gain.csv").read_text() == (whole / "gain.csv").read_text()
    assert (tmp_path / "messages.txt").read_text().count("warning: after 4 steps") == 1


def test_only_the_last_is_kept_where_that_is_asked_for(train: Train, tmp_path: Path) -> None:
    assert train(tmp_path, "--keep", "last", "--steps", "2") == 0
    assert (tmp_path / "controlnet").exists() and not (tmp_path / "best").exists()


def test_patience_ends_a_run_and_the_end_survives_resuming(
    train: Train, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(observe_file, "is_exhausted", lambda points, onset, patience: onset and points[-1].step >= 4)
    set_in_after(2, monkeypatch)
    assert train(tmp_path, "--steps", "9", "--patience", "1") == 0
    assert "stopped early: no better control gain in 1 measurements" in (tmp_path / "messages.txt").read_text()
    record = load_newest(tmp_path / "states")
    assert record is not None and record["step"] == 4
    first = load_file(tmp_path / "controlnet" / WEIGHTS)
    capsys.readouterr()
    assert train(tmp_path, "--resume", "--steps", "9") == 0
    assert "patience is at an end" in capsys.readouterr().out
    assert same_weights(load_file(tmp_path / "controlnet" / WEIGHTS), first)


def test_the_onset_is_told_once(train: Train, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    set_in_after(2, monkeypatch)
    assert train(tmp_path, "--expect-control-by", "2") == 0
    messages = (tmp_path / "messages.txt").read_text().splitlines()
    assert messages == ["step 2: the control has set in between steps 0 and 2 (confidence 99.90%)"]


def test_a_run_in_the_old_format_goes_on(train: Train, copy: Path, whole: Path) -> None:
    """A run from before bands, losses of examples, and the settings of this file."""
    (copy / "gain.npz").unlink()
    lines = [",".join(line.split(",")[:OLD_COLUMNS]) for line in (copy / "gain.csv").read_text().splitlines()]
    (copy / "gain.csv").write_text("".join(f"{line}\n" for line in lines))
    record = load_newest(copy / "states")
    assert record is not None
    for name in ("expect_control_by", "patience", "keep"):
        del record["config"][name]
    save_state(copy / "states", record)
    assert train(copy, "--resume", "--steps", "6") == 0
    points = read_table(copy / "gain.csv")
    assert [(point.step, len(point.bands)) for point in points] == [(0, 0), (2, 0), (4, 0), (6, 3)]
    assert points[1].gain == pytest.approx(read_table(whole / "gain.csv")[1].gain)


def test_previews_grow_into_one_sheet(whole: Path, train: Train, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(prepare_file, "PREVIEWED", 2)
    assert train(tmp_path, "--steps", "2", "--preview-every", "1") == 0
    with Image.open(tmp_path / "previews.png") as grown, Image.open(whole / "previews.png") as single:
        assert grown.height > 1.8 * single.height  # two examples, and condition, step 1, step 2
        assert grown.width > 1.4 * single.width


def test_the_result_of_the_best_says_its_step(whole: Path) -> None:
    training = json.loads((whole / "best" / "zeroconv.json").read_text())["training"]
    assert training["steps"] == training["gain"][-1]["step"]
