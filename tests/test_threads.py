"""The flag --threads: one flag for every command that computes for long."""

from collections.abc import Iterator

import pytest
import torch

from zeroconv.cli.entry import main
from zeroconv.threads import use_threads


@pytest.fixture
def threads() -> Iterator[int]:
    """Those of the other tests, which they get back."""
    before = torch.get_num_threads()
    yield before
    torch.set_num_threads(before)


def test_torch_uses_as_many_as_are_asked_for(threads: int) -> None:
    use_threads(threads + 1)
    assert torch.get_num_threads() == threads + 1
    use_threads(None)
    assert torch.get_num_threads() == threads + 1


@pytest.mark.parametrize(
    "command", ["evaluate base", "evaluate control", "train --condition canny --data scenes:4 --out none"]
)
def test_it_is_one_at_least(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*command.split(), "--threads", "0"]) == 2
    assert "--threads must be at least 1; got 0" in capsys.readouterr().err
