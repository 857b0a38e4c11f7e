"""How a job is followed, by whoever keeps jobs: those of this process, or of owners in others."""

from collections.abc import Iterator
from typing import Protocol

from zeroconv.serve.jobs.board import Board
from zeroconv.serve.jobs.job import ENDED, Event, Job

HEARTBEAT = 15.0
"""Seconds after which a watcher hears of a job even where nothing is new."""


class Watchable(Protocol):
    """Jobs with a board."""

    @property
    def board(self) -> Board: ...
    @property
    def is_closing(self) -> bool: ...
    def job(self, id: str) -> Job | None: ...


def watch(jobs: Watchable, id: str) -> Iterator[Event]:
    """The job now, and again whenever something is new, until it has ended; nothing where there is none."""
    number = -1
    with jobs.board.watching(id):
        while True:
            number, event = news(jobs, id, number)
            if event is None:
                return
            yield event
            if event.job.status in ENDED or jobs.is_closing:
                return
            jobs.board.wait(id, number, HEARTBEAT)


def news(jobs: Watchable, id: str, after: int) -> tuple[int, Event | None]:
    """The number of a watched job's last news, and the job with its preview where that is newer than `after`."""
    last, job = jobs.board.news(id), jobs.job(id)
    preview = last.preview if last.preview_number > after else None
    return last.number, None if job is None else Event(job, preview)
