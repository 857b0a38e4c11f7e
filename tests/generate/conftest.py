"""A small random base of Stable Diffusion's shape, a ControlNet for it and a photograph."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from helpers_generate import write_controlnet, write_photo
from zeroconv.base import BaseModel, load_base


@pytest.fixture(scope="module")
def base(sd15_folder: Path) -> BaseModel:
    return load_base(sd15_folder)


@pytest.fixture(scope="module")
def canny(base: BaseModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_controlnet(base, tmp_path_factory.mktemp("nets") / "canny")


@pytest.fixture(scope="module")
def photo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_photo(tmp_path_factory.mktemp("inputs") / "photo.png")


@pytest.fixture
def one_thread() -> Iterator[None]:
    """The number of threads changes how sums are rounded."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
