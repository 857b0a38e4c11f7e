"""Random bases on disk, made once a run; one torch thread in every test process, of which there is one a core."""

from pathlib import Path

import pytest
import torch

from tinybases import write_base

torch.set_num_threads(1)


@pytest.fixture(scope="session")
def sd15_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random base shaped like SD 1.5: predicts noise, text of width 32, factor 8."""
    return write_base("sd15", tmp_path_factory.mktemp("sd15"))


@pytest.fixture(scope="session")
def sd21_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random base shaped like SD 2.1: predicts velocity, linear projections."""
    return write_base("sd21", tmp_path_factory.mktemp("sd21"))


@pytest.fixture(scope="session")
def sdxl_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random base shaped like SDXL: two text encoders, added sizes."""
    return write_base("sdxl", tmp_path_factory.mktemp("sdxl"))


@pytest.fixture(scope="session")
def base_folders(sd15_folder: Path, sd21_folder: Path, sdxl_folder: Path) -> dict[str, Path]:
    """The three random bases by family."""
    return {"sd15": sd15_folder, "sd21": sd21_folder, "sdxl": sdxl_folder}
