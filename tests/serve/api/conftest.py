"""One server for the tests of its API."""

from collections.abc import Iterator

import pytest
from serving import Served

LIMITS = ("--max-upload-pixels", "1000000", "--max-body-bytes", "2000000", "--max-read-seconds", "2")


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with Served(tmp_path_factory.mktemp("served") / "data", *LIMITS) as server:
        yield server
