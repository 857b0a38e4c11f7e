"""Examples of a source read by several processes, handed on in order."""

import multiprocessing
import signal
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager

import torch

from zeroconv.data.records import Example
from zeroconv.data.sources import Source


def read_spans(source: Source, spans: list[tuple[int, int]], workers: int) -> Iterator[list[Example]]:
    """The examples of each span (start, stop), in order, by `workers` processes; 0: in this one."""
    if workers == 0 or len(spans) < 2:
        for start, stop in spans:
            yield source.read(range(start, stop))
        return
    waiting = deque(spans)
    running: deque[Future[list[Example]]] = deque()
    with _pool(min(workers, len(spans)), source) as pool:
        while waiting or running:
            while waiting and len(running) <= workers:
                running.append(pool.submit(_read_in_worker, *waiting.popleft()))
            yield running.popleft().result()


@contextmanager
def _pool(workers: int, source: Source) -> Iterator[ProcessPoolExecutor]:
    pool = ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), _start_worker, (source,))
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


_source: Source
"""What a process reads: handed over once, since a source of a million pictures is large."""


def _start_worker(source: Source) -> None:
    global _source
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    torch.set_num_threads(1)
    _source = source


def _read_in_worker(start: int, stop: int) -> list[Example]:
    return _source.read(range(start, stop))
