"""The embedded base, loaded once, and jobs in a folder of their own."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lora_files import write_lora
from zeroconv.serve.jobs import Jobs
from zeroconv.serve.models import Models
from zeroconv.serve.settings import Limits, Settings

MakeJobs = Callable[..., Jobs]
LORAS = ("style", "ink")


@pytest.fixture(scope="session")
def models() -> Models:
    return Models()


@pytest.fixture
def make_jobs(models: Models, tmp_path: Path) -> Iterator[MakeJobs]:
    """Jobs in one folder with these limits; closed at the end."""
    made: list[Jobs] = []

    def make(**limits: float) -> Jobs:
        made.append(Jobs(Settings(tmp_path / "data", limits=Limits(**limits)), models))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for jobs in made:
        jobs.close()


@pytest.fixture(scope="session")
def lora_files(models: Models, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Name -> file of two LoRAs for the embedded base."""
    folder = tmp_path_factory.mktemp("secret-place")
    base = models.base("tiny")
    return {name: write_lora(base, folder / f"{name}-file.safetensors", seed=at) for at, name in enumerate(LORAS)}


@pytest.fixture(scope="session")
def lora_models(lora_files: dict[str, Path]) -> Models:
    """The embedded models and the LoRAs."""
    pytest.importorskip("peft")
    return Models(loras={name: str(file) for name, file in lora_files.items()})
