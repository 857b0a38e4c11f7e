"""Tiny random networks in the layout of the real ones, written once a run."""

from pathlib import Path

import pytest

from tinydetectors import write_networks


@pytest.fixture(scope="session")
def tiny_networks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the networks depth, metric, segmentation, detector and pose."""
    return write_networks(tmp_path_factory.mktemp("networks"))
