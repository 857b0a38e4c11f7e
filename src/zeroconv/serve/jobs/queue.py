"""One device's queue: clients take turns, each client's jobs come in order, and what fits together is made together."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest

from zeroconv.serve.jobs.task import Task

_PIXELS_AT_ONCE = 1024 * 1024
"""As in `generate`: a batch covers at most a megapixel, for its memory."""


@dataclass(frozen=True, eq=False)
class Share:
    """What one task has of a batch."""

    task: Task
    indices: tuple[int, ...]


class FairQueue:
    """Tasks by client. Thread-safe; one worker takes from it.

    Turns are taken by batch, not by job: a job of a hundred pictures gives way after each batch. In a batch the places
    go round among the clients whose next pictures fit to those of the client whose turn it is.
    """

    def __init__(self, batch: int) -> None:
        """batch: the most pictures at once."""
        self._batch = batch
        self._clients: dict[str, list[Task]] = {}
        """Whose turn it is first; no list is empty."""
        self._changed = threading.Condition()
        self._is_closed = False

    def put(self, task: Task) -> None:
        """Adds a task behind the others of its client."""
        with self._changed:
            self._clients.setdefault(task.client, []).append(task)
            self._changed.notify()

    def remove(self, task: Task) -> None:
        """Takes a task out, if it is there."""
        with self._changed:
            self._clients = {
                client: left
                for client, tasks in self._clients.items()
                if (left := [other for other in tasks if other is not task])
            }

    def close(self) -> None:
        """Whoever waits for a batch gets none."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()

    def take(self) -> list[Share]:
        """The next batch, when there is one; empty where the queue was closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._is_closed or self._clients)
            return [] if self._is_closed else self._take()

    def waiting(self) -> list[Task]:
        """The tasks of which no picture was begun, in the order in which their turns come."""
        with self._changed:
            rounds = zip_longest(*self._clients.values())
            return [task for each in rounds for task in each if task is not None and task.status == "queued"]

    def _take(self) -> list[Share]:
        shares = list(self._shares())
        served = [share.task.client for share in shares]
        for task in [share.task for share in shares if not share.task.waiting]:
            self._clients[task.client].remove(task)
        later = {client: self._clients.pop(client) for client in dict.fromkeys(served)}
        self._clients |= {client: tasks for client, tasks in later.items() if tasks}
        return shares

    def _shares(self) -> Iterator[Share]:
        """Takes the pictures of the next batch out of their tasks."""
        fitting = self._fitting()
        first = fitting[0][0]
        width, height = first.size
        room = max(1, min(self._batch, _PIXELS_AT_ONCE // (width * height)))
        taken: dict[Task, list[int]] = {}
        while room and any(fitting):
            for tasks in fitting:
                while tasks and not tasks[0].waiting:
                    tasks.pop(0)
                if tasks and room:
                    taken.setdefault(tasks[0], []).append(tasks[0].waiting.pop(0))
                    room -= 1
        for task, indices in taken.items():
            yield Share(task, tuple(indices))

    def _fitting(self) -> list[list[Task]]:
        """Of each client, from the one whose turn it is, the first tasks that go with that one's first."""
        first = next(iter(self._clients.values()))[0]
        if first.agreement is None:
            return [[first]]
        agreed = first.agreement
        return [fits for tasks in self._clients.values() if (fits := _leading(tasks, agreed))]


def _leading(tasks: list[Task], agreed: object) -> list[Task]:
    """The tasks before the first that does not agree."""
    count = next((at for at, task in enumerate(tasks) if task.agreement != agreed), len(tasks))
    return tasks[:count]
