"""Who watches which job, across processes: replicas look at the owner often, the owner takes that for watching."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from zeroconv.serve.jobs import Event, Jobs
from zeroconv.serve.jobs.board import Board

_LOOK = 0.2
"""Seconds between two looks of a replica at a job that somebody watches."""
_FORGOTTEN = 5.0
"""Seconds after the last look in which an owner still makes previews: longer than a look may take."""

Look = Callable[[str, int], tuple[int, Event | None]]
"""A job's id and the number of the last news known -> the number of its news now, and the job with its preview."""


class Watched:
    """Of an owner: the jobs that replicas look at. Thread-safe."""

    def __init__(self, jobs: Jobs) -> None:
        self._jobs, self._lock = jobs, threading.Lock()
        self._until: dict[str, tuple[float, ExitStack]] = {}

    def looked(self, id: str) -> None:
        """A replica looks at a job; those at which none looks any more are let go."""
        now = time.monotonic()
        with self._lock:
            _, stack = self._until.pop(id, (0.0, None))
            if stack is None:
                stack = ExitStack()
                stack.enter_context(self._jobs.board.watching(id))
            self._until[id] = (now + _FORGOTTEN, stack)
            for other, (until, watching) in list(self._until.items()):
                if until < now:
                    watching.close()
                    del self._until[other]


class RemoteBoard(Board):
    """Of a replica: its watchers are told what its looks at the owners find."""

    def __init__(self, look: Look) -> None:
        super().__init__()
        self._look = look

    @contextmanager
    def watching(self, id: str) -> Iterator[None]:
        """Somebody watches meanwhile; the first has the owner looked at."""
        is_first = not self.is_watched(id)
        with super().watching(id):
            if is_first:
                threading.Thread(target=self._follow, args=(id,), daemon=True).start()
            yield

    def _follow(self, id: str) -> None:
        number = -1
        while self.is_watched(id):
            before = number
            number, event = self._look(id, number)
            if number != before:
                self.tell(id, None if event is None else event.preview)
            time.sleep(_LOOK)
