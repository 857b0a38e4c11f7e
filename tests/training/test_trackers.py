"""Trackers stood in for by modules of the same names: neither tensorboard nor accelerate is needed to test."""

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from PIL import Image

from zeroconv.errors import UserError
from zeroconv.training import trackers as trackers_file
from zeroconv.training.trackers import Trackers, check_names, open_trackers


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """What stand-ins of both packages were called with."""
    seen: list[tuple[Any, ...]] = []

    class Recorder:
        trackers: tuple[Any, ...] = ()

        def __init__(self, *args: Any, **options: Any) -> None:
            seen.append(("open", *args, options))
            self.trackers = (self,)

        def __getattr__(self, name: str) -> Any:
            return lambda *args, **options: seen.append((name, *args, options))

    board, accelerate, tracking = (
        ModuleType(name) for name in ("torch.utils.tensorboard", "accelerate", "accelerate.tracking")
    )
    board.SummaryWriter = Recorder  # type: ignore[attr-defined]
    accelerate.Accelerator = Recorder  # type: ignore[attr-defined]
    tracking.LOGGER_TYPE_TO_CLASS = {"wandb": None, "mlflow": None, "tensorboard": None}  # type: ignore[attr-defined]
    for module in (board, accelerate, tracking):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setattr(trackers_file, "is_installed", lambda package: package != "mlflow")
    return seen


def opened(names: tuple[str, ...], folder: Path, resumed_at: int | None = None) -> Trackers:
    return open_trackers(names, folder, resumed_at=resumed_at, settings={"steps": 9, "sizes": [1]}, is_cpu=True)


def test_tensorboard_is_written_without_being_asked_for(calls: list[Any], tmp_path: Path) -> None:
    trackers = opened((), tmp_path, resumed_at=40)
    trackers.scalars(41, {"train/loss": 0.5})
    trackers.picture(41, "preview", Image.new("RGB", (8, 4)))
    trackers.text(41, "the control has set in")
    trackers.close()
    assert calls[0] == ("open", str(tmp_path / "tensorboard"), {"purge_step": 41})
    assert calls[1] == ("add_scalar", "train/loss", 0.5, 41, {})
    assert calls[2][0] == "add_image" and calls[2][2].shape == (4, 8, 3)
    assert calls[3] == ("add_text", "messages", "the control has set in", 41, {})
    assert calls[4] == ("close", {})


def test_others_go_through_accelerate(calls: list[Any], tmp_path: Path) -> None:
    trackers = opened(("wandb",), tmp_path)
    trackers.scalars(1, {"train/loss": 0.5})
    trackers.picture(1, "preview", Image.new("RGB", (8, 4)))
    trackers.close()
    assert calls[0] == ("open", {"log_with": "wandb", "project_dir": str(tmp_path), "cpu": True})
    assert calls[1] == ("init_trackers", tmp_path.name, {"config": {"steps": 9, "sizes": "[1]"}})
    assert calls[2] == ("log", {"train/loss": 0.5}, {"step": 1})
    assert calls[3][0] == "log_images" and calls[3][1]["preview"].shape == (1, 4, 8, 3)
    assert calls[4] == ("end_training", {})


def test_none_is_none(calls: list[Any], tmp_path: Path) -> None:
    opened(("none",), tmp_path).scalars(1, {"train/loss": 0.5})
    assert calls == []


def test_a_tracker_that_fails_is_left_and_the_others_go_on(calls: list[Any], tmp_path: Path) -> None:
    trackers = opened(("tensorboard", "wandb"), tmp_path)

    def full(*args: object) -> None:
        raise OSError("no space left")

    trackers.trackers[0].scalars = full  # type: ignore[method-assign]
    with pytest.warns(UserWarning, match="the tracker TensorBoard failed and is left: no space left"):
        trackers.scalars(1, {"train/loss": 0.5})
    trackers.scalars(2, {"train/loss": 0.4})
    assert [call[:3] for call in calls if call[0] == "log"] == [
        ("log", {"train/loss": 0.5}, {"step": 1}),
        ("log", {"train/loss": 0.4}, {"step": 2}),
    ]


def test_without_tensorboard_one_sentence_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(trackers_file, "is_installed", lambda package: False)
    opened((), tmp_path).scalars(1, {"train/loss": 0.5})
    said = capsys.readouterr().out
    assert said.count("\n") == 1 and "pip install 'zeroconv[trackers]'" in said


def test_what_is_unknown_or_absent_is_said_before_training(calls: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    check_names(("none", "tensorboard", "wandb"))
    with pytest.raises(UserError, match="unknown tracker 'wanbd'; did you mean 'wandb'"):
        check_names(("wanbd",))
    with pytest.raises(UserError, match=r"--tracker mlflow needs the package mlflow.*pip install mlflow"):
        check_names(("mlflow",))
    monkeypatch.setattr(trackers_file, "is_installed", lambda package: False)
    for name, package in (("wandb", "accelerate"), ("tensorboard", "tensorboard")):
        with pytest.raises(UserError, match=rf"needs the package {package}.*zeroconv\[trackers\]"):
            check_names((name,))
