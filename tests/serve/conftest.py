"""The embedded base, loaded once, and jobs in a folder of their own."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from zeroconv.serve.jobs import Jobs
from zeroconv.serve.models import Models
from zeroconv.serve.settings import Limits, Settings

MakeJobs = Callable[..., Jobs]


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
