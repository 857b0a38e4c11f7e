"""Bases of the three families with narrow levels, each in a file, and a vocabulary beside them."""

from pathlib import Path

import pytest

from singlefiles import FAMILIES, narrow_base, write_file, write_vocabulary
from zeroconv.base import BaseModel


@pytest.fixture(scope="session")
def narrow() -> dict[str, BaseModel]:
    return {family: narrow_base(family) for family in FAMILIES}


@pytest.fixture(scope="session")
def files(narrow: dict[str, BaseModel], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("files")
    return {family: write_file(base, folder / f"{family}.safetensors") for family, base in narrow.items()}


@pytest.fixture(scope="session")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_vocabulary(tmp_path_factory.mktemp("vocabulary"))
