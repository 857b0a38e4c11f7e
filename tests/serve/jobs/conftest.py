"""A worker that waits."""

import threading

import pytest


@pytest.fixture
def paused(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """The worker begins no batch until it is set, so that jobs gather."""
    from zeroconv.serve.jobs.worker import Worker

    go, work = threading.Event(), Worker._work
    monkeypatch.setattr(Worker, "_work", lambda self, shares: (go.wait(), work(self, shares))[1])
    return go
