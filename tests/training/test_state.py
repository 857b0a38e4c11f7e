from pathlib import Path
from typing import Any

import pytest
import torch
from toytraining import same_weights, toy_base, toy_controlnet, weights_of

from zeroconv.errors import UserError
from zeroconv.training import state as state_file
from zeroconv.training.config import TrainConfig
from zeroconv.training.state import fresh_state, load_newest, restore, save_state, to_record

CONFIG = TrainConfig(ema=0.9)


def record_of(step: int) -> dict[str, Any]:
    state = fresh_state(toy_controlnet(toy_base()), CONFIG, toy_base())
    state.step = step
    return to_record(state, CONFIG, {"data": "toys"})


def test_a_saved_state_is_read_back_bitwise(tmp_path: Path) -> None:
    record = record_of(7)
    save_state(tmp_path, record)
    read = load_newest(tmp_path)
    assert read is not None
    assert (read["step"], read["about"], read["config"]["ema"]) == (7, {"data": "toys"}, 0.9)
    assert same_weights(read["controlnet"], record["controlnet"])
    assert same_weights(read["averaged"], record["averaged"])
    assert torch.equal(read["rng"]["cpu"], record["rng"]["cpu"])


def test_only_the_newest_are_kept(tmp_path: Path) -> None:
    paths = [save_state(tmp_path, record_of(step)) for step in (9, 10, 100)]
    assert sorted(tmp_path.iterdir()) == paths[1:]


@pytest.mark.parametrize("damage", ["cut", "flipped", "emptied"])
def test_a_damaged_state_gives_way_to_the_one_before(tmp_path: Path, damage: str) -> None:
    save_state(tmp_path, record_of(5))
    newest = save_state(tmp_path, record_of(6))
    content = bytearray(newest.read_bytes())
    middle = len(content) // 2
    content[middle] ^= 1
    newest.write_bytes({"cut": content[:middle], "flipped": content, "emptied": b""}[damage])
    with pytest.warns(UserWarning, match=f"{newest.name} is damaged"):
        read = load_newest(tmp_path)
    assert read is not None and read["step"] == 5


def test_nothing_is_found_where_nothing_is(tmp_path: Path) -> None:
    assert load_newest(tmp_path / "never") is None
    (tmp_path / ".writing.pt").write_bytes(b"half")
    assert load_newest(tmp_path) is None


@pytest.mark.parametrize("problem", [OSError("no space left"), RuntimeError("unexpected pos 64 vs 0")])
def test_an_interrupted_save_keeps_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, problem: Exception
) -> None:
    kept = save_state(tmp_path, record_of(5))

    def cut_short(record: object, path: Path) -> None:
        path.write_bytes(b"half")
        raise problem

    monkeypatch.setattr(state_file.torch, "save", cut_short)
    with pytest.raises(OSError, match=r"no space|is the disk full\? The one before is kept"):
        save_state(tmp_path, record_of(6))
    assert list(tmp_path.iterdir()) == [kept]


def test_a_state_of_another_network_is_refused(tmp_path: Path) -> None:
    record = record_of(5)
    record["controlnet"] = {name: value for name, value in record["controlnet"].items() if "mid_block" not in name}
    with pytest.raises(UserError, match="saved ControlNet does not fit"):
        restore(fresh_state(toy_controlnet(toy_base()), CONFIG, toy_base()), record)
    with pytest.raises(UserError, match="schema 99"):
        restore(fresh_state(toy_controlnet(toy_base()), CONFIG, toy_base()), {"schema": 99})


def test_the_average_can_begin_late() -> None:
    """A run without an average that is resumed with one starts it from the weights."""
    before = fresh_state(toy_controlnet(toy_base()), TrainConfig(), toy_base())
    after = fresh_state(toy_controlnet(toy_base(), awake=False), CONFIG, toy_base())
    restore(after, to_record(before, TrainConfig()))
    assert after.averaged is not None
    assert same_weights(weights_of(after.averaged), weights_of(before.controlnet))
