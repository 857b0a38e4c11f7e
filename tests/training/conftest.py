"""A small training as a user runs it, for all tests that look at what it leaves."""

import shutil
from pathlib import Path

import pytest
from toytraining import Train

from zeroconv.cli.entry import main
from zeroconv.training import prepare as prepare_file


@pytest.fixture(scope="session")
def train(sd15_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Train:
    """`zeroconv train` on a random base, six scenes, four steps; options given last win."""
    cache = tmp_path_factory.mktemp("cache")

    def run(out: Path, *options: str) -> int:
        fixed = f"--base {sd15_folder} --condition canny --data scenes:6 --steps 4 --batch-size 2 --gain-every 2"
        machine = f"--out {out} --cache {cache} --workers 0 --held-out 3 --learning-rate 1e-3 --ema 0.5 --seed 5"
        return main(["train", *fixed.split(), *machine.split(), *options])

    return run


@pytest.fixture(scope="session")
def whole(train: Train, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that nothing disturbed."""
    out = tmp_path_factory.mktemp("runs") / "whole"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(prepare_file, "PREVIEWED", 1)
        assert train(out, "--resume", "--preview-every", "3") == 0
    return out


@pytest.fixture
def copy(whole: Path, tmp_path: Path) -> Path:
    """The same run to play with."""
    return shutil.copytree(whole, tmp_path / "copy")
