"""Several processes take the steps of one: real processes that exchange over gloo."""

import json
from dataclasses import replace
from itertools import islice
from pathlib import Path

import pytest
import torch
from forkedtraining import command, ended, start_together, toy_training
from toytraining import Train, same_weights, toy_base, toy_batches, toy_controlnet

from zeroconv.data.batches import Batches, share
from zeroconv.errors import UserError
from zeroconv.training.config import TrainConfig
from zeroconv.training.loop import train
from zeroconv.training.processes import ALONE, own_device
from zeroconv.training.state import load_newest

CONFIG = TrainConfig(steps=4, learning_rate=1e-3, batch_size=5, accumulation=1, gain_every=0, seed=1, ema=0.9)


def alone(config: TrainConfig) -> list[float]:
    base = toy_base()
    return [
        step.loss for step in train(base, toy_controlnet(base, name=config.variant), toy_batches(base, config), config)
    ]


def losses(folder: Path, rank: int = 0) -> list[float]:
    found: list[float] = json.loads((folder / f"{rank}.json").read_text())["losses"]
    return found


def test_the_shares_of_a_batch_are_the_batch() -> None:
    base = toy_base()
    whole = next(toy_batches(base, CONFIG).starting(10))
    examples = toy_batches(base, CONFIG).examples
    parts = [next(Batches(examples, base, 5, 1, part=part, parts=3).starting(10)) for part in range(3)]
    assert [len(part) for part in parts] == [2, 1, 2]
    assert sum((part.names for part in parts), ()) == whole.names
    assert torch.equal(torch.cat([part.noise for part in parts]), whole.noise)


def test_the_shares_of_a_bucket_s_batch_are_of_that_bucket() -> None:
    base = toy_base()
    examples = toy_batches(base, CONFIG).examples
    buckets = (frozenset(range(5)), frozenset(range(5, len(examples))))
    whole, *parts = (
        list(islice(Batches(examples, base, 3, 1, buckets=buckets, part=part, parts=parts).starting(6), 6))
        for part, parts in ((0, 1), (0, 2), (1, 2))
    )
    for batch, *shares in zip(whole, *parts, strict=True):
        assert sum((one.names for one in shares), ()) == batch.names


@pytest.mark.parametrize(("count", "parts"), [(5, 2), (16, 3), (7, 7), (64, 5)])
def test_shares_are_as_equal_as_can_be(count: int, parts: int) -> None:
    sizes = [len(range(count)[share(count, part, parts)]) for part in range(parts)]
    assert sum(sizes) == count and max(sizes) - min(sizes) <= 1 and min(sizes) > 0


def test_two_processes_take_the_steps_of_one_and_three_go_on(tmp_path: Path) -> None:
    """Five examples a step are shared unequally; a state of two processes is resumed by three."""
    two, three = tmp_path / "two", tmp_path / "three"
    assert ended(start_together(2, toy_training, two, CONFIG)) == [0, 0]
    expected = alone(replace(CONFIG, steps=6))
    assert losses(two) == pytest.approx(expected[:4], rel=1e-4)
    assert losses(two, rank=1) == losses(two)
    mine, theirs = (load_newest(two / rank) for rank in ("0", "1"))
    assert mine is not None and theirs is not None
    assert same_weights(mine["controlnet"], theirs["controlnet"])
    assert same_weights(mine["averaged"], theirs["averaged"])
    assert ended(start_together(3, toy_training, three, replace(CONFIG, steps=6), two / "0")) == [0, 0, 0]
    assert losses(three) == pytest.approx(expected[4:], rel=1e-4)


def test_processes_share_a_variant_whose_skips_are_idle_and_weighted_losses(tmp_path: Path) -> None:
    config = replace(CONFIG, variant="middle", min_snr=1.0, batch_size=6, accumulation=2)
    assert ended(start_together(2, toy_training, tmp_path, config)) == [0, 0]
    assert losses(tmp_path) == pytest.approx(alone(config), rel=1e-4)


def test_the_command_is_shared_and_a_signal_to_one_process_stops_all(
    train: Train, whole: Path, tmp_path: Path, sd15_folder: Path
) -> None:
    """Two processes fill one cache, stop after step 3 and leave a run that one process finishes."""
    arguments = f"--base {sd15_folder} --condition canny --data scenes:6 --steps 4 --batch-size 2 --gain-every 2"
    arguments += f" --cache {tmp_path / 'cache'} --workers 0 --held-out 3 --learning-rate 1e-3 --ema 0.5 --seed 5"
    out = tmp_path / "run"
    assert ended(start_together(2, command, out, arguments.split(), 3)) == [143, 143]
    record = load_newest(out / "states")
    assert record is not None and record["step"] == 3
    assert train(out, "--resume") == 0
    mine, theirs = ([json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()] for run in (out, whole))
    assert [line["step"] for line in mine] == [1, 2, 3, 4]
    for name in ("loss", "gradient_norm"):
        assert [line[name] for line in mine] == pytest.approx([line[name] for line in theirs], rel=1e-4)
    assert len((out / "gain.csv").read_text().splitlines()) == 4


def test_one_process_needs_no_launcher(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    assert own_device("cuda:1") == "cuda:1"
    assert ALONE.largest(True, 15) == [True, 15] and ALONE.total(0.1) == 0.1 and ALONE.first_word("why") == "why"
    ALONE.meet("nowhere")
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert own_device("cpu") == "cpu"
    with pytest.raises(UserError, match="--device cuda, not --device cuda:1"):
        own_device("cuda:1")


def test_a_batch_that_cannot_be_shared_is_one_sentence(
    train: Train, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from contextlib import nullcontext

    from zeroconv.training import command as command_file
    from zeroconv.training.processes import Processes

    monkeypatch.setattr(command_file, "together", lambda _: nullcontext(Processes(0, 3)))
    assert train(tmp_path / "run") == 2
    assert "3 processes cannot share a batch of 2; raise --batch-size" in capsys.readouterr().err
    assert train(tmp_path / "run", "--batch-size", "3", "--unlock", "all", "--precision", "fp16") == 2
    assert "spreads the weights over them, which --precision fp16 does not work with" in capsys.readouterr().err
