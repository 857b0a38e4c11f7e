"""The public face of the command line: help, version, missing parts, trouble of other kinds."""

import subprocess
import sys
import tomllib
import warnings
from pathlib import Path

import pytest
from commandline import Capture, Make, complaint

import zeroconv
from zeroconv.cli import main
from zeroconv.cli.entry import COMMANDS


def test_inspect_says_what_a_checkpoint_is(canny: Path, capsys: Capture) -> None:
    assert main(["inspect", str(canny)]) == 0
    said = capsys.readouterr().out
    assert "canny" in said and "diffusers" in said


def test_help_and_version(capsys: Capture) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.strip() == f"zeroconv {zeroconv.__version__}"
    assert main([]) == 0
    assert "zeroconv generate --control canny=photo.jpg" in capsys.readouterr().out


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str, capsys: Capture) -> None:
    assert main([command, "--help"]) == 0
    assert f"usage: zeroconv {command}" in capsys.readouterr().out


def test_generate_help_teaches_by_example(capsys: Capture) -> None:
    assert main(["generate", "--help"]) == 0
    text = capsys.readouterr().out
    assert "ready=yes,strength=0.7,end=0.5" in text and "--request out/run.json" in text


def test_help_loads_nothing_heavy() -> None:
    heavy = "{'torch', 'numpy', 'PIL', 'cv2', 'diffusers', 'transformers'}"
    code = f"import sys; from zeroconv.cli import main; main(['--help']); sys.exit(bool({heavy} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], stdout=subprocess.DEVNULL).returncode == 0


def test_the_version_is_the_packages() -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())
    assert project["project"]["version"] == zeroconv.__version__


def test_a_missing_part_hinders_only_its_command(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(COMMANDS, "train", ("zeroconv.nowhere", "train"))
    monkeypatch.setitem(COMMANDS, "inspect", ("notinstalledanywhere", "inspect"))
    assert main(["--help"]) == 0
    capsys.readouterr()
    assert main(["train"]) == 2
    assert "train is not part of this installation (zeroconv.nowhere is missing)" in complaint(capsys)
    assert main(["inspect"]) == 2
    assert "inspect needs the package notinstalledanywhere: pip install notinstalledanywhere" in complaint(capsys)


def test_running_out_of_memory_is_said(make: Make, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried ...")

    monkeypatch.setattr("zeroconv.cli.generate.prepare", full)
    assert make() == 2
    assert "out of memory: try a smaller --size" in complaint(capsys)


def test_a_mistake_of_ours_is_not_hidden(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr("zeroconv.cli.generate.prepare", broken)
    with pytest.raises(RuntimeError, match="a bug"):
        make()


def test_warnings_of_other_packages_stay_out(make: Make, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    from zeroconv.cli import generate

    prepare = generate.prepare

    def noisy(*arguments: object) -> object:
        warnings.warn_explicit("not for users", UserWarning, "torch/thing.py", 1, module="torch.thing")
        warnings.warn("for users", stacklevel=1)
        return prepare(*arguments)  # type: ignore[arg-type]

    noisy.__globals__["__name__"] = __name__
    monkeypatch.setattr(generate, "prepare", noisy)
    assert make() == 0
    assert "not for users" not in capsys.readouterr().err
