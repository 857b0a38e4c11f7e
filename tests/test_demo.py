"""`make demo` runs from beginning to end: here with a random base in the place of `tiny`, and few steps."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from helpers_generate import write_controlnet
from zeroconv import base, weights
from zeroconv.images import read_image


def load_demo() -> ModuleType:
    path = Path(__file__).parents[1] / "examples" / "demo.py"
    spec = importlib.util.spec_from_file_location("demo", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_demo_makes_three_sheets_and_can_be_repeated(
    sd15_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    random = base.load_base(sd15_folder)
    controlnet = write_controlnet(random, tmp_path / "controlnet")
    monkeypatch.setitem(base.BUILT_IN, "tiny", sd15_folder)
    monkeypatch.setitem(weights.BUILT_IN, f"{random.family}-canny", controlnet)
    demo = load_demo()
    monkeypatch.setattr(demo, "STEPS", "1")
    monkeypatch.setattr(demo, "PICTURES", "1")
    for _ in range(2):
        sheets = demo.demo(tmp_path / "demo")
    assert [sheet.parent.name for sheet in sheets] == ["photo", "drawing", "scene"]
    assert all(read_image(sheet).width > 192 for sheet in sheets)
    assert "$ zeroconv generate --base tiny --control canny=" in capsys.readouterr().out


def test_the_demo_stops_where_a_command_fails(tmp_path: Path) -> None:
    with pytest.raises(SystemExit) as stopped:
        load_demo().generate(tmp_path / "out", f"canny={tmp_path / 'nothing.png'}", "a house")
    assert stopped.value.code == 2
