import time
from collections.abc import Callable
from typing import Any

import pytest

from zeroconv.serve.jobs import Event, Job
from zeroconv.serve.scale import watched
from zeroconv.serve.scale.watched import RemoteBoard, Watched

JOB = Job("id", "me", "running", None, 0, 4, (), None, 0.0, 0.0, None, {})


def until(is_so: Callable[[], bool]) -> None:
    end = time.monotonic() + 10
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_a_replicas_watchers_are_told_what_its_looks_find(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watched, "_LOOK", 0.01)
    looks: list[int] = []
    news = [(1, b"first"), (2, b"second")]

    def look(id: str, after: int) -> tuple[int, Event | None]:
        looks.append(after)
        number, preview = news[min(len(looks) - 1, 1)]
        return number, Event(JOB, preview)

    board = RemoteBoard(look)
    with board.watching("id"), board.watching("id"):
        until(lambda: board.news("id").preview == b"second" and len(looks) > 2)
        assert looks[:3] == [-1, 1, 2]
    until(lambda: not board.is_watched("id"))
    time.sleep(0.1)
    count = len(looks)
    time.sleep(0.1)
    assert len(looks) == count


def test_an_owner_makes_previews_while_replicas_look(make_jobs: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watched, "_FORGOTTEN", 0.05)
    jobs = make_jobs()
    seen = Watched(jobs)
    seen.looked("one")
    assert jobs.board.is_watched("one")
    time.sleep(0.1)
    seen.looked("other")
    assert jobs.board.is_watched("other") and not jobs.board.is_watched("one")
