"""One job as everybody sees it: a request that was accepted, how far it is and what came of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Status = Literal["queued", "running", "done", "failed", "cancelled"]
ENDED: tuple[Status, ...] = ("done", "failed", "cancelled")


@dataclass(frozen=True)
class Job:
    """One job at one moment."""

    id: str
    """22 characters that nobody can guess: whoever knows them may see the job."""
    client: str
    """Who asked; clients take turns."""
    status: Status
    position: int | None
    """In the queue, 0 is next; None once it runs or has ended."""
    steps_done: int
    steps: int
    """Denoising steps of all its pictures."""
    pictures: tuple[str, ...]
    """File names in its folder, of those that are finished."""
    error: str | None
    """Why it failed, in one sentence."""
    created: float
    began: float | None
    ended: float | None
    """Seconds since 1970."""
    record: Mapping[str, Any]
    """The request in run.json's schema, nothing left open; its pictures lie in its folder."""
    notes: tuple[str, ...] = ()
    """What was decided about it and what has no effect, in sentences."""


@dataclass(frozen=True)
class Event:
    """Something new about a job."""

    job: Job
    preview: bytes | None
    """A small JPEG of its first unfinished picture as it stands, where there is a new one."""


class QueueFull(Exception):  # noqa: N818 - a state of the server, no error
    """There is no room for another job."""

    def __init__(self, retry_after: float, sentence: str) -> None:
        """retry_after: seconds until there will probably be room."""
        super().__init__(sentence)
        self.retry_after = retry_after
