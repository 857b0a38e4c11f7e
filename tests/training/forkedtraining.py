"""Trainings in processes of their own, forked from a server that has everything imported: each begins at once."""

import json
import multiprocessing
import os
import signal
import socket
import sys
from collections.abc import Callable
from dataclasses import asdict
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import pytest
import torch
from toytraining import COUNT, toy_base, toy_controlnet, toy_example, toy_held_out

from zeroconv.cli.entry import main
from zeroconv.data.batches import Batches
from zeroconv.training import course as course_file
from zeroconv.training import state as state_file
from zeroconv.training.config import TrainConfig
from zeroconv.training.loop import train
from zeroconv.training.processes import together
from zeroconv.training.state import load_newest, save_state, to_record

_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload([__name__, "torch.distributed.fsdp"])


def start(work: Callable[..., object], *arguments: object) -> BaseProcess:
    """Begins `work`, a function of this file, in another process."""
    process = _CONTEXT.Process(target=_single_threaded, args=(work, *arguments))
    with pytest.MonkeyPatch.context() as patch:  # the server, begun with the first, knows no other way to this file
        patch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
        process.start()
    return process


def start_together(count: int, work: Callable[..., object], *arguments: object) -> list[BaseProcess]:
    """Begins `work` in `count` processes that a launcher would have told about each other."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    return [start(_told, rank, count, port, work, *arguments) for rank in range(count)]


def ended(processes: list[BaseProcess], seconds: float = 240) -> list[int | None]:
    """The exit codes once all have ended."""
    for process in processes:
        process.join(seconds)
    return [process.exitcode for process in processes]


def toy_training(folder: Path, config: TrainConfig, resumed_from: Path | None = None) -> None:
    """Trains the toy; each process leaves its losses and its state in `folder`, the first one the gain at the end."""
    with together("cpu") as processes:
        base = toy_base()
        examples = [toy_example(index) for index in range(COUNT)]
        batches = Batches(
            examples,
            base,
            config.batch_size,
            config.seed,
            config.prompt_drop,
            part=processes.rank,
            parts=processes.count,
        )
        record = load_newest(resumed_from) if resumed_from else None
        unseen = toy_held_out(base) if processes.is_first else []
        losses, norms = [], []
        controlnet = toy_controlnet(base, name=config.variant)
        for step in train(base, controlnet, batches, config, held_out=unseen, resume=record, processes=processes):
            losses.append(step.loss)
            norms.append(step.gradient_norm)
        save_state(folder / f"{processes.rank}", to_record(step.state, config))
        gain = None if step.gain is None else [step.gain.without.tolist(), step.gain.with_.tolist()]
        found = {"losses": losses, "norms": norms, "gain": gain, "config": asdict(config)}
        (folder / f"{processes.rank}.json").write_text(json.dumps(found))


def command(out: Path, arguments: list[str], stop_at: int | None = None) -> None:
    """`zeroconv train`, as a user runs it; the first process gets SIGTERM at step `stop_at`."""
    observe = course_file.observe

    def interrupted(run: Any, step: Any, bar: Any) -> None:
        observe(run, step, bar)
        if step.number == stop_at:
            os.kill(os.getpid(), signal.SIGTERM)

    course_file.observe = interrupted
    raise SystemExit(main(["train", "--out", str(out), *arguments]))


def killed_while_saving(out: Path, arguments: list[str], number: int) -> None:
    """`zeroconv train` that is killed with half of its `number`th state written."""
    save, saved = torch.save, []

    def half(record: object, path: Path) -> None:
        save(record, path)
        saved.append(path)
        if len(saved) == number:
            os.truncate(path, path.stat().st_size // 2)
            os.kill(os.getpid(), signal.SIGKILL)

    state_file.torch.save = half  # type: ignore[attr-defined]
    command(out, arguments)


def _single_threaded(work: Callable[..., object], *arguments: object) -> None:
    torch.set_num_threads(1)
    work(*arguments)


def _told(rank: int, count: int, port: int, work: Callable[..., object], *arguments: object) -> None:
    told = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": count, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    os.environ.update({name: str(value) for name, value in told.items()})
    work(*arguments)
