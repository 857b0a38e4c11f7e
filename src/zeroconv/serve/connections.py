"""Connections of clients who are many, or slow: how many there may be, and how long a request's head may take."""

import asyncio
import json
from http import HTTPStatus
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from zeroconv.serve.settings import Limits

_FULL = (503, "busy", "too many connections; come again later", "Retry-After: 5")
_NO_HTTP = (400, "bad_request", "this is no request in HTTP/1.1")


def bounded(limits: Limits) -> type[asyncio.Protocol]:
    """uvicorn's protocol within these limits."""

    class Bounded(H11Protocol):
        """One connection; what it counts, all of one server share."""

        def __init__(self, *args: Any, **named: Any) -> None:
            super().__init__(*args, **named)
            self._waiting: asyncio.TimerHandle | None = None

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            """Refuses what is too many; the others have so long for the head of their first request."""
            super().connection_made(transport)
            if len(self.connections) > limits.connections:
                transport.write(_answer(*_FULL))
                transport.close()
            else:
                self._wait()

        def data_received(self, data: bytes) -> None:
            """A head that has begun must end in time, on a connection that is kept too."""
            super().data_received(data)
            if self.cycle is not None and not self.cycle.response_complete:
                self._stop_waiting()
            elif self._waiting is None:
                self._wait()

        def send_400_response(self, msg: str) -> None:
            """What is no HTTP is answered in the API's shape too, where no other answer has begun."""
            if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
                self.transport.write(_answer(*_NO_HTTP))
            self.transport.close()

        def connection_lost(self, exc: Exception | None) -> None:
            """The timer goes with the connection."""
            self._stop_waiting()
            super().connection_lost(exc)

        def _wait(self) -> None:
            self._waiting = self.loop.call_later(limits.read_seconds, self.transport.close)

        def _stop_waiting(self) -> None:
            if self._waiting is not None:
                self._waiting.cancel()
                self._waiting = None

    return Bounded


def _answer(status: int, code: str, message: str, *headers: str) -> bytes:
    """A whole answer, of a connection that no application sees."""
    body = json.dumps({"error": {"code": code, "message": message}})
    sizes = (f"Content-Length: {len(body)}", "Content-Type: application/json", "Connection: close")
    return "\r\n".join((f"HTTP/1.1 {status} {HTTPStatus(status).phrase}", *sizes, *headers, "", body)).encode()
