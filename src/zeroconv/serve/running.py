"""One server from its first load to its last word."""

import logging
import socket
from collections.abc import Mapping
from types import FrameType

import uvicorn

from zeroconv.devices import asked_device
from zeroconv.number_types import NUMBER_TYPES, fastest_type, number_type
from zeroconv.serve.application import whole_app
from zeroconv.serve.connections import bounded
from zeroconv.serve.jobs import Jobs
from zeroconv.serve.models import Models
from zeroconv.serve.page import mount
from zeroconv.serve.settings import LOOPBACK, Settings

_GRACE = 5
"""Seconds that open connections have when the server ends."""


def serve(
    settings: Settings,
    listener: socket.socket,
    bases: Mapping[str, str],
    controlnets: Mapping[str, str],
    loras: Mapping[str, str],
    *,
    device: str | None,
    dtype: str,
) -> None:
    """Loads the models, takes up what waits in the data folder and answers until a signal comes."""
    place = asked_device(device)
    number = NUMBER_TYPES[number_type(dtype, fastest_type(place))]
    models = Models(bases, controlnets, loras, device=str(place), dtype=number)
    settings.data.mkdir(parents=True, exist_ok=True)
    jobs = Jobs(settings, models)
    try:
        app = mount(whole_app(settings, models, jobs), jobs, models, settings)
        config = uvicorn.Config(
            app,
            http=bounded(settings.limits),
            ws="none",
            lifespan="on",
            server_header=False,
            access_log=False,
            log_level=logging.WARNING,
            timeout_graceful_shutdown=_GRACE,
            proxy_headers=False,
        )
        _Server(config, jobs, _address(settings, listener)).run([listener])
    finally:
        jobs.close()


class _Server(uvicorn.Server):
    """Says where it is, and lets watchers go when it is told to end."""

    def __init__(self, config: uvicorn.Config, jobs: Jobs, address: str) -> None:
        super().__init__(config)
        self._jobs, self._address = jobs, address

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begins to answer."""
        await super().startup(sockets)
        print(f"zeroconv serves at {self._address} (Ctrl-C ends)", flush=True)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """A signal came."""
        self._jobs.stop()
        super().handle_exit(sig, frame)


def _address(settings: Settings, listener: socket.socket) -> str:
    host = "127.0.0.1" if settings.host in (*LOOPBACK, "0.0.0.0") and settings.host != "::1" else settings.host
    return f"http://{f'[{host}]' if ':' in host else host}:{listener.getsockname()[1]}/"
