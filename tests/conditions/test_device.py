"""The device of a network: the best there is, or the one that was asked for, or one sentence."""

import pytest

from zeroconv.conditions import device
from zeroconv.conditions.device import find_device
from zeroconv.errors import UserError


@pytest.mark.parametrize(("present", "best"), [([], "cpu"), (["mps"], "mps"), (["cuda"], "cuda")])
def test_auto_is_the_best_there_is(present: list[str], best: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "_accelerators", lambda: present)
    assert find_device("auto").type == best
    assert find_device("cpu").type == "cpu"
    for name in present:
        assert find_device(name).type == name  # type: ignore[arg-type]


def test_what_is_not_there_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "_accelerators", lambda: ["mps"])
    with pytest.raises(UserError, match=r"device=cuda: torch .* finds none here; expected auto or mps or cpu"):
        find_device("cuda")
