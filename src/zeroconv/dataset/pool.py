"""One function over many jobs on all cores of this machine, in whatever order they are finished."""

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

from zeroconv.dataset.journal import Row
from zeroconv.errors import UserError

WAITING = 4
"""Groups of jobs in work or waiting for each process: enough that none is idle."""

Job = TypeVar("Job")


Work = Callable[[Sequence[Job]], Sequence[Row]]
"""Makes what comes of each job of a group."""


def results(work: Work[Job], jobs: Sequence[Job], workers: int, batch_size: int = 1) -> Iterator[Row]:
    """What `work` makes of each job, given groups of `batch_size`; `workers` processes, or with 0 this one.

    `work` and the jobs can be pickled. UserError where a process was killed.
    """
    groups = in_groups(jobs, batch_size)
    if workers < 1 or not groups:
        for group in groups:
            yield from work(group)
        return
    pool = ProcessPoolExecutor(min(workers, len(groups)), multiprocessing.get_context("spawn"), _start_worker)
    try:
        yield from _stream(pool, work, groups, WAITING * workers)
    except BrokenProcessPool as error:
        raise UserError(
            "a process was killed, perhaps for want of memory; the same command with fewer --workers goes on"
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


def in_groups(jobs: Sequence[Job], size: int) -> list[Sequence[Job]]:
    """The jobs in their order, `size` in each group, the rest in the last."""
    return [jobs[first : first + size] for first in range(0, len(jobs), size)]


def core_count() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _stream(
    pool: ProcessPoolExecutor, work: Work[Job], groups: Sequence[Sequence[Job]], together: int
) -> Iterator[Row]:
    running: set[Future[Sequence[Row]]] = set()
    for group in groups:
        running.add(pool.submit(work, group))
        if len(running) >= together:
            finished, running = wait(running, return_when=FIRST_COMPLETED)
            yield from (row for future in finished for row in future.result())
    while running:
        finished, running = wait(running, return_when=FIRST_COMPLETED)
        yield from (row for future in finished for row in future.result())


def _start_worker() -> None:
    """Processes share the cores: their libraries' threads would only wait for each other. The parent stops them."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    one_thread()


def one_thread() -> None:
    """This process's libraries use one thread."""
    import torch

    os.environ["OMP_NUM_THREADS"] = "1"
    torch.set_num_threads(1)
