"""Shapes of the command line's tests, and what a user reads there."""

from collections.abc import Callable

import pytest

Capture = pytest.CaptureFixture[str]
Make = Callable[..., int]


def complaint(capsys: Capture) -> str:
    """The one sentence on stderr."""
    error = capsys.readouterr().err
    lines = [line for line in error.splitlines() if line.startswith("zeroconv: error: ")]
    assert len(lines) == 1 and error.strip().endswith(lines[0]), error
    assert "Traceback" not in error
    return lines[0]
