"""A training that is killed again and again, at any moment, ends bitwise as the one that nothing disturbed.

Three random moments by default; ZEROCONV_KILLS=20 takes more.
"""

import json
import os
import random
import time
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import pytest
import torch
from forkedtraining import command, ended, killed_while_saving, start

from zeroconv.training.state import load_newest

KILLS = int(os.environ.get("ZEROCONV_KILLS", "3"))
STEPS = 3 * KILLS + 3


@pytest.fixture(scope="module")
def arguments(sd15_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Each step saves its state, every third measures and may become the best."""
    cache = tmp_path_factory.mktemp("cache")
    run = f"--base {sd15_folder} --condition canny --data scenes:6 --held-out 2 --cache {cache} --workers 0 --resume"
    settings = f"--steps {STEPS} --batch-size 2 --gain-every 3 --save-every 1 --preview-every 0 --ema 0.5 --seed 5"
    return f"{run} {settings} --learning-rate 1e-3 --tracker none".split()


@pytest.fixture(scope="module")
def undisturbed(arguments: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run that nothing disturbed."""
    out = tmp_path_factory.mktemp("undisturbed")
    assert ended([start(command, out, arguments)]) == [0]
    return out


def assert_same(mine: Any, theirs: Any) -> None:
    """Equal to the last bit, tensors within containers too."""
    if isinstance(mine, torch.Tensor):
        assert torch.equal(mine, theirs)
    elif isinstance(mine, dict):
        assert mine.keys() == theirs.keys()
        for key in mine:
            assert_same(mine[key], theirs[key])
    elif isinstance(mine, list):
        assert len(mine) == len(theirs)
        for one, other in zip(mine, theirs, strict=True):
            assert_same(one, other)
    else:
        assert mine == theirs


def assert_same_run(mine: Path, theirs: Path) -> None:
    """Weights, average, optimiser, random state, log, gain curve and both results."""
    one, other = load_newest(mine / "states"), load_newest(theirs / "states")
    assert one is not None and other is not None
    for record in (one, other):
        del record["about"]["seconds"]
    assert_same(one, other)
    logs = ([json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()] for run in (mine, theirs))
    for line, expected in zip(*logs, strict=True):
        assert {**line, "samples_per_second": 0} == {**expected, "samples_per_second": 0}
    for file in ("gain.csv", *(f"{result}/diffusion_pytorch_model.safetensors" for result in ("controlnet", "best"))):
        assert (mine / file).read_bytes() == (theirs / file).read_bytes()


def test_killed_at_random_moments(arguments: list[str], undisturbed: Path, tmp_path: Path) -> None:
    """A quarter of the kills fall anywhere, into the preparation too; the others between a step and the one after."""
    seconds = seconds_of_a_step(undisturbed)
    chance, reached = random.Random(0), [0]
    for _ in range(KILLS):
        process = start(command, tmp_path, arguments)
        if chance.random() > 0.25:
            wait_for_step(reached[-1] + 1, tmp_path, process)
        process.join(chance.uniform(0, 2 * seconds))
        process.kill()
        assert ended([process])[0] in (-9, 0)
        record = load_newest(tmp_path / "states")
        reached.append(0 if record is None else record["step"])
    assert reached == sorted(reached) and reached[-1] > 0
    assert ended([start(command, tmp_path, arguments)]) == [0]
    assert_same_run(tmp_path, undisturbed)


def seconds_of_a_step(run: Path) -> float:
    """From one written state to the next."""
    newest, before = sorted((path.stat().st_mtime for path in (run / "states").glob("*.pt")), reverse=True)
    return newest - before


def wait_for_step(step: int, run: Path, process: BaseProcess) -> None:
    """Until the log tells of the step."""
    log = run / "log.jsonl"
    while process.is_alive() and not (log.exists() and f'"step": {step},' in log.read_text()):
        time.sleep(0.005)


@pytest.mark.parametrize("number", [1, 4])
def test_killed_with_half_a_state_written(number: int, arguments: list[str], undisturbed: Path, tmp_path: Path) -> None:
    assert ended([start(killed_while_saving, tmp_path, arguments, number)]) == [-9]
    record = load_newest(tmp_path / "states")
    assert (record["step"] if record else 0) == number - 1
    assert ended([start(command, tmp_path, arguments)]) == [0]
    assert_same_run(tmp_path, undisturbed)
