import importlib.util
from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest

from zeroconv.cli import main

Capture = pytest.CaptureFixture[str]


def test_a_number_that_cannot_be(capsys: Capture, tmp_path: Path) -> None:
    assert main(["serve", "--data", str(tmp_path), "--ray-replicas", "-1"]) == 2
    assert "--ray-replicas must be 1 or more, not -1" in capsys.readouterr().err


def test_ray_is_not_installed(capsys: Capture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec

    def without_ray(name: str, package: str | None = None) -> ModuleSpec | None:
        return None if name == "ray" else find(name, package)

    monkeypatch.setattr(importlib.util, "find_spec", without_ray)
    assert main(["serve", "--data", str(tmp_path), "--ray-replicas", "2"]) == 2
    assert "pip install 'zeroconv[web,serve-ray]'" in capsys.readouterr().err
