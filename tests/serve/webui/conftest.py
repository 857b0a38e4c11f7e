"""A server that offers the embedded models."""

from collections.abc import Iterator

import pytest

from whole_server import serving
from zeroconv.serve.models import Models


@pytest.fixture(scope="session")
def port(models: Models, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Where the server answers."""
    with serving(models, tmp_path_factory.mktemp("data")) as found:
        yield found
