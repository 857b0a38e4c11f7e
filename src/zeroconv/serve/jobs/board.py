"""Who watches which job, and what is new about it."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class News:
    """What there is to know about a watched job beside its state."""

    number: int = 0
    """Grows with everything that happens to it."""
    preview: bytes | None = None
    """The last one."""
    preview_number: int = 0
    """When that came."""
    watchers: int = 0


class Board:
    """The news of each job that somebody watches; nothing is kept of others. Thread-safe."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._news: dict[str, News] = {}

    def tell(self, id: str, preview: bytes | None = None) -> None:
        """Something about a job is new."""
        with self._changed:
            news = self._news.get(id)
            if news is None:
                return
            news = replace(news, number=news.number + 1)
            self._news[id] = news if preview is None else replace(news, preview=preview, preview_number=news.number)
            self._changed.notify_all()

    def tell_all(self) -> None:
        """Wakes everybody who waits."""
        with self._changed:
            self._news = {id: replace(news, number=news.number + 1) for id, news in self._news.items()}
            self._changed.notify_all()

    def news(self, id: str) -> News:
        """What is known now; take it before the job's state, so that nothing is missed in between."""
        with self._changed:
            return self._news.get(id, News())

    def wait(self, id: str, after: int, seconds: float) -> None:
        """Until there is news since number `after`, or so long."""
        with self._changed:
            self._changed.wait_for(lambda: self._news.get(id, News()).number != after, seconds)

    def is_watched(self, id: str) -> bool:
        """Whether previews of a job are of use."""
        with self._changed:
            return id in self._news

    @contextmanager
    def watching(self, id: str) -> Iterator[None]:
        """Somebody watches meanwhile."""
        with self._changed:
            self._add_watcher(id, 1)
        try:
            yield
        finally:
            with self._changed:
                self._add_watcher(id, -1)

    def _add_watcher(self, id: str, count: int) -> None:
        news = self._news.get(id, News())
        self._news[id] = replace(news, watchers=news.watchers + count)
        if not self._news[id].watchers:
            del self._news[id]
