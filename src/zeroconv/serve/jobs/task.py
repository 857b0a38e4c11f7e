"""A job that has not ended, as the queue and the worker hold it."""

from collections.abc import Hashable
from pathlib import Path
from typing import Any

from zeroconv.generate.joined import agreement
from zeroconv.generate.prepared import Prepared
from zeroconv.generate.run_folder import RunFolder
from zeroconv.request import Request
from zeroconv.serve.jobs.job import Status


class Task:
    """Mutable: the queue hands out its pictures, the worker makes them."""

    def __init__(self, id: str, client: str, base: str, request: Request, folder: Path, num_steps: int) -> None:
        """request: one in which nothing is left open; num_steps: of one picture."""
        self.id, self.client, self.base, self.request, self.folder = id, client, base, request, folder
        self.num_steps = num_steps
        self.waiting = list(range(len(request.seeds)))
        """Which pictures nobody makes yet."""
        self.unfinished = set(self.waiting)
        """Which pictures do not lie in the folder yet."""
        self.status: Status = "queued"
        self.steps_now = 0
        """Steps taken of the pictures that are being made."""
        self.seconds = 0.0
        """How long it has been computed."""
        self.prepared: Prepared | None = None
        self.run: RunFolder | None = None

    @property
    def agreement(self) -> Hashable | None:
        """What tasks must share to be sampled together; None: nothing else goes with it."""
        own = agreement(self.request)
        return None if own is None else (self.base, own)

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) of its pictures."""
        assert self.request.size is not None
        return self.request.size

    @property
    def steps_done(self) -> int:
        """Of all its pictures."""
        return (len(self.request.seeds) - len(self.unfinished)) * self.num_steps + self.steps_now

    @property
    def steps_left(self) -> int:
        """Of all its pictures."""
        return len(self.request.seeds) * self.num_steps - self.steps_done

    def finished(self, names: Any) -> tuple[str, ...]:
        """Of a run's file names, those of the pictures that are finished."""
        return tuple(name for index, name in enumerate(names) if index not in self.unfinished)
