"""What every request passes before the application sees it, and every answer on its way back.

Names and origins, the token, the size of the body and the time it takes, and headers that tell browsers to be strict.
It stands before the page too.
"""

import asyncio
import math
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from zeroconv.serve.api.access import Access
from zeroconv.serve.api.errors import error_response
from zeroconv.serve.settings import Settings

BODIES_AT_ONCE = 4
"""Bodies of the largest size that may be in memory together."""
_OPEN = ("/login",)
"""What needs no token."""
_API = ("/v1/", "/sdapi/", "/controlnet/", "/openapi.json", "/login")
_STRICT = "default-src 'none'; frame-ancestors 'none'"
_PAGE = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; media-src 'self' data: blob:; font-src 'self' data:; connect-src 'self' data: blob:; "
    "worker-src 'self' blob:; object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'"
)
"""The page is Gradio's, which has scripts within it; nothing comes from elsewhere."""
_HEADERS = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",  # with no-referrer browsers send the login form with the origin null
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
}


class _TooLargeError(Exception):
    """The body is larger than its declaration, or than what is granted."""


class _BusyError(Exception):
    """Many large bodies are being read."""


class _TooSlowError(Exception):
    """The body did not arrive in time."""


class Guard:
    """An ASGI application around another one."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app, self._limits, self._access = app, settings.limits, Access(settings)
        self._held = 0
        """Bytes of all bodies that are in memory."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes on what may pass."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return
        send = _strict(scope, self._patient(send))
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        refusal = self._refusal(scope, headers)
        if refusal is not None:
            await refusal(scope, receive, send)
            return
        body = _Body(self, receive)
        try:
            await self._app(scope, body.receive, body.sending(send))
        except (_TooLargeError, _TooSlowError, _BusyError) as error:
            if not body.is_answered:
                await self._answer(error)(scope, receive, send)
        except (TimeoutError, ClientDisconnect):  # the client does not read, or has gone: there is nobody to tell
            pass
        finally:
            self._held -= body.size

    def _refusal(self, scope: Scope, headers: dict[str, str]) -> ASGIApp | None:
        """The answer to a request that may not pass; otherwise its client is noted."""
        if not self._access.is_called_right(headers):
            return error_response(421, "this server is not called by that name; see the Host header")
        if not self._access.is_own(scope["method"], headers):
            return error_response(403, "another site's page may not ask for this")
        client = self._access.client(headers, (scope.get("client") or ("unknown",))[0])
        if client is None and scope["path"] not in _OPEN:
            return _unknown(headers)
        scope.setdefault("state", {})["client"] = client or ""
        length = headers.get("content-length", "0")
        if not length.isdecimal() or int(length[:20]) > self._limits.body_bytes:
            return self._answer(_TooLargeError())
        if self._held + int(length) > BODIES_AT_ONCE * self._limits.body_bytes:
            return self._answer(_BusyError())
        return None

    def _answer(self, error: Exception) -> ASGIApp:
        closing = {"Connection": "close"}
        if isinstance(error, _BusyError):
            wait = {"Retry-After": str(math.ceil(self._limits.read_seconds)), **closing}
            return error_response(429, "many large requests are being read; come again later", headers=wait)
        if isinstance(error, _TooSlowError):
            return error_response(408, f"a request must arrive within {self._limits.read_seconds:g} s", headers=closing)
        return error_response(413, f"a request may have {self._limits.body_bytes:,} bytes", headers=closing)

    def _patient(self, send: Send) -> Send:
        """Gives up on a client that does not read."""

        async def send_in_time(message: Message) -> None:
            await asyncio.wait_for(send(message), self._limits.read_seconds)

        return send_in_time


class _Body:
    """A request's body as it arrives, counted and timed."""

    def __init__(self, guard: Guard, receive: Receive) -> None:
        self._guard, self._receive = guard, receive
        self._until = asyncio.get_running_loop().time() + guard._limits.read_seconds
        self._is_whole = False
        self.size = 0
        self.is_answered = False

    async def receive(self) -> Message:
        """The next piece; what comes after the body, as the client's leaving, may take its time."""
        if self._is_whole:
            return await self._receive()
        try:
            async with asyncio.timeout_at(self._until):
                message = await self._receive()
        except TimeoutError:
            raise _TooSlowError from None
        size = len(message.get("body", b""))
        self.size += size
        self._guard._held += size
        if self.size > self._guard._limits.body_bytes:
            raise _TooLargeError
        if self._guard._held > BODIES_AT_ONCE * self._guard._limits.body_bytes:
            raise _BusyError
        self._is_whole = message["type"] == "http.request" and not message.get("more_body", False)
        return message

    def sending(self, send: Send) -> Send:
        """Notes that the answer has begun."""

        async def send_noted(message: Message) -> None:
            self.is_answered = True
            await send(message)

        return send_noted


def _unknown(headers: dict[str, str]) -> ASGIApp:
    """The answer to somebody without a token: a browser is led to where it can give it."""
    if "text/html" in headers.get("accept", ""):
        return error_response(401, "a token is needed: open /login", headers={"Refresh": "0; url=/login"})
    challenge = {"WWW-Authenticate": 'Bearer realm="zeroconv"'}
    return error_response(401, "a token is needed: Authorization: Bearer TOKEN", headers=challenge)


def _strict(scope: Scope, send: Send) -> Callable[[MutableMapping[str, Any]], Awaitable[None]]:
    """Adds the headers for browsers to every answer."""
    is_api = scope["path"].startswith(_API)
    own = {**_HEADERS, "content-security-policy": _STRICT if is_api else _PAGE}

    async def send_strictly(message: Message) -> None:
        if message["type"] == "http.response.start":
            given = {name.lower() for name, _ in message.get("headers", ())}
            more = {**own, **({"cache-control": "no-store"} if is_api else {})}
            added = [(n.encode(), value.encode()) for n, value in more.items() if n.encode() not in given]
            message = {**message, "headers": [*message.get("headers", ()), *added]}
        await send(message)

    return send_strictly
