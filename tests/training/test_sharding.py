"""Several processes train the base too, each holding a part of all weights: the steps, states and results of one."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from forkedtraining import command, ended, start_together, toy_training
from toytraining import Train, toy_base, toy_batches, toy_controlnet, toy_held_out

from zeroconv.base import load_base
from zeroconv.errors import UserError
from zeroconv.training.config import TrainConfig
from zeroconv.training.loop import Step, train
from zeroconv.training.sharding import check_can_be_spread
from zeroconv.training.state import load_newest, to_record
from zeroconv.weights import load

CONFIG = TrainConfig(
    steps=2,
    learning_rate=1e-3,
    base_learning_rate=1e-3,
    batch_size=5,
    gain_every=0,
    seed=1,
    ema=0.5,
    unlock="decoder",
)


def steps_alone(config: TrainConfig, **options: Any) -> list[Step]:
    base = toy_base()
    controlnet, batches = toy_controlnet(base), toy_batches(base, config)
    return list(train(base, controlnet, batches, config, held_out=toy_held_out(base), **options))


def found(folder: Path, rank: int = 0) -> dict[str, Any]:
    values: dict[str, Any] = json.loads((folder / f"{rank}.json").read_text())
    return values


def assert_close(mine: dict[str, Any], theirs: dict[str, Any]) -> None:
    """Equal but for rounding on average: AdamW makes whole steps of gradients that are nothing but rounding."""
    assert mine.keys() == theirs.keys()
    for name, value in theirs.items():
        assert mine[name].shape == value.shape, name
    if mine:
        distance = torch.cat([(mine[name] - value).abs().flatten() for name, value in theirs.items()]).mean().item()
        assert distance < 0.01 * CONFIG.steps * CONFIG.learning_rate


def assert_as_alone(folder: Path, steps: list[Step], config: TrainConfig) -> None:
    """Losses, norms, gain and state of several processes are those of one."""
    assert found(folder)["losses"] == pytest.approx([step.loss for step in steps], rel=1e-4)
    assert found(folder)["losses"] == found(folder, rank=1)["losses"]
    assert found(folder)["norms"] == pytest.approx([step.gradient_norm for step in steps], rel=1e-3)
    gain, record, expected = steps[-1].gain, load_newest(folder / "0"), to_record(steps[-1].state, config)
    assert gain is not None and record is not None
    torch.testing.assert_close(torch.tensor(found(folder)["gain"]), torch.stack([gain.without, gain.with_]))
    for part in ("controlnet", "averaged", "base", "averaged_base"):
        assert_close(record[part] or {}, expected[part] or {})
    for number, values in expected["optimizer"]["state"].items():
        assert_close(record["optimizer"]["state"][number], values)


def test_two_processes_take_the_steps_of_one_and_three_or_one_go_on(tmp_path: Path) -> None:
    two, three, longer = tmp_path / "two", tmp_path / "three", replace(CONFIG, steps=3)
    assert ended(start_together(2, toy_training, two, CONFIG)) == [0, 0]
    assert_as_alone(two, steps_alone(CONFIG), CONFIG)
    rest = [step.loss for step in steps_alone(longer, resume=load_newest(two / "0"))]
    assert ended(start_together(3, toy_training, three, longer, two / "0")) == [0, 0, 0]
    assert found(three)["losses"] == pytest.approx(rest, rel=1e-4)
    assert rest == pytest.approx([steps_alone(longer)[-1].loss], rel=1e-4)


def test_all_of_the_base_is_trained_in_parts_of_a_batch_and_with_checkpointing(tmp_path: Path) -> None:
    ways = {"accumulation": 2, "batch_size": 4, "checkpointing": True, "joint_rate": 2.0, "ema": 0.0}
    config = replace(CONFIG, unlock="all", **ways)  # type: ignore[arg-type]
    assert ended(start_together(2, toy_training, tmp_path, config)) == [0, 0]
    assert_as_alone(tmp_path, steps_alone(config), config)


def test_the_command_measures_draws_saves_and_is_stopped_with_weights_spread(
    train: Train, tmp_path: Path, sd15_folder: Path
) -> None:
    """Two processes stop after step 3 and leave a run that one finishes; two finish another, whose base is loaded."""
    arguments = f"--base {sd15_folder} --condition canny --data scenes:6 --steps 4 --batch-size 2 --gain-every 2"
    arguments += f" --cache {tmp_path / 'cache'} --workers 0 --held-out 2 --learning-rate 1e-3 --ema 0.5 --seed 5"
    arguments += " --unlock decoder --preview-every 4 --expect-control-by 2 --keep last"
    stopped, whole = tmp_path / "stopped", tmp_path / "whole"
    assert ended(start_together(2, command, stopped, arguments.split(), 3)) == [143, 143]
    alone = "--resume --unlock decoder --keep last --preview-every 0 --held-out 2"
    assert train(stopped, *alone.split()) == 0
    assert ended(start_together(2, command, whole, arguments.split())) == [0, 0]
    logs = [[json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()] for run in (stopped, whole)]
    assert [line["step"] for line in logs[0]] == [1, 2, 3, 4]
    for name in ("loss", "gradient_norm"):
        assert [line[name] for line in logs[0]] == pytest.approx([line[name] for line in logs[1]], rel=1e-3)
    tables = [(run / "gain.csv").read_text().splitlines() for run in (stopped, whole)]
    assert len(tables[0]) == len(tables[1]) == 4
    assert (whole / "previews" / "000004.png").exists() and "warning" in (whole / "messages.txt").read_text()
    before, after = load_base(sd15_folder), load_base(whole / "base")
    changed = [
        not torch.equal(old, new)
        for old, new in zip(*(base.unet.parameters() for base in (before, after)), strict=True)
    ]
    assert any(changed) and not all(changed)
    load(whole / "controlnet", after)


@pytest.mark.parametrize(("setting", "value"), [("precision", "fp16"), ("optimizer", "adamw8bit")])
def test_what_cannot_be_spread_is_one_sentence(setting: str, value: str) -> None:
    check_can_be_spread(CONFIG)
    with pytest.raises(UserError, match=f"which --{setting} {value} does not work with; take --{setting} "):
        check_can_be_spread(replace(CONFIG, **{setting: value}))  # type: ignore[arg-type]
