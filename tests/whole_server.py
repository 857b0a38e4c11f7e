"""A whole server in a thread of the test process, called by real HTTP."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn

from zeroconv.serve.application import whole_app
from zeroconv.serve.jobs import Jobs
from zeroconv.serve.models import Models
from zeroconv.serve.settings import Limits, Settings


@contextmanager
def serving(models: Models, data: Path, limits: Limits | None = None) -> Iterator[int]:
    """The port at which it answers."""
    settings = Settings(data, limits=limits or Limits())
    jobs = Jobs(settings, models)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        config = uvicorn.Config(whole_app(settings, models, jobs), log_level="warning", ws="none")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        while not server.started:
            time.sleep(0.01)
        try:
            yield listener.getsockname()[1]
        finally:
            server.should_exit = True
            thread.join()
            jobs.close()


def free_port() -> int:
    """One at which nobody listens."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
