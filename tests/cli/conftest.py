"""What the tests of the command line share: a random base with a ControlNet, and the command that draws with them."""

from pathlib import Path

import pytest
from commandline import Make

from helpers_generate import write_controlnet, write_photo
from zeroconv import number_types
from zeroconv.base import load_base
from zeroconv.cli import main


@pytest.fixture(autouse=True)
def float32(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same number type on every machine; in bfloat16 a picture alone and in company differ by more than 1/255."""
    monkeypatch.setattr(number_types, "_multiplies_bfloat16", lambda device: False)


@pytest.fixture(scope="module")
def canny(sd15_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_controlnet(load_base(sd15_folder), tmp_path_factory.mktemp("nets") / "canny")


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    return write_photo(tmp_path / "photo.png")


@pytest.fixture
def make(sd15_folder: Path, canny: Path, photo: Path, tmp_path: Path) -> Make:
    """Runs `zeroconv generate` on the random base into tmp_path/out, with a control unless told otherwise."""

    def run(
        *flags: str, control: str | None = f"canny={photo},checkpoint={canny}", prompt: str | None = "a house"
    ) -> int:
        controls = [] if control is None else ["--control", control]
        controls += [] if prompt is None else ["--prompt", prompt]
        fixed = ["--base", str(sd15_folder), "--steps", "2", "--out", str(tmp_path / "out")]
        return main(["generate", *fixed, *controls, *flags])

    return run
