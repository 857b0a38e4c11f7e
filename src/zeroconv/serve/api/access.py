"""Who may ask: the token, by header or by the page's cookie, and the names under which the server may be called."""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Mapping
from http.cookies import CookieError, SimpleCookie
from urllib.parse import urlsplit

from zeroconv.serve.settings import LOOPBACK, Settings

COOKIE = "zeroconv"
_CLIENT = re.compile(r"[\w.@:-]{1,64}")
_SAFE = ("GET", "HEAD", "OPTIONS")


class Access:
    """The answers to: is this client known, and does the request come from where it may."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._cookies = {cookie_of(token): name for token, name in settings.tokens.items()}

    def client(self, headers: Mapping[str, str], address: str) -> str | None:
        """The name by which turns are taken; None: the token is missing or wrong.

        With tokens it is the token's and the address; without, on loopback, what the header X-Client says.
        """
        if not self._settings.tokens:
            own = headers.get("x-client", "")
            return own if self._settings.is_loopback and _CLIENT.fullmatch(own) else address
        name = _known(_token(headers.get("authorization", "")), self._settings.tokens)
        name = name or _known(_cookie(headers.get("cookie", "")), self._cookies)
        return None if name is None else f"{name}@{address}"

    def is_known(self, token: str) -> bool:
        """Whether a token is right."""
        return _known(token, self._settings.tokens) is not None

    def is_called_right(self, headers: Mapping[str, str]) -> bool:
        """Whether the Host header names this server: a foreign name that leads here (DNS rebinding) is refused."""
        host = _host(headers.get("host", ""))
        if self._settings.hosts:
            return host in self._settings.hosts or host in LOOPBACK
        return host in LOOPBACK if self._settings.is_loopback else host is not None

    @staticmethod
    def is_own(method: str, headers: Mapping[str, str]) -> bool:
        """Whether a request that changes something comes from this server's own page, or from no page at all."""
        if method in _SAFE:
            return True
        origin = headers.get("origin")
        if origin is not None:
            return bool(origin) and urlsplit(origin).netloc.lower() == headers.get("host", "").lower()
        return headers.get("sec-fetch-site", "none") in ("none", "same-origin")


def cookie_of(token: str) -> str:
    """What the page's cookie holds for a token: not the token itself, and the same after a restart."""
    return hmac.new(token.encode(), b"zeroconv page", hashlib.sha256).hexdigest()


def _known(given: str, names: Mapping[str, str]) -> str | None:
    """The name for a secret, in a time that does not tell how much of it is right."""
    found = [name for secret, name in names.items() if hmac.compare_digest(secret.encode(), given.encode())]
    return found[0] if found else None


def _token(authorization: str) -> str:
    """Of `Bearer TOKEN`, or of `Basic`, which some clients send, its password."""
    scheme, _, value = authorization.partition(" ")
    if scheme.lower() == "bearer":
        return value.strip()
    if scheme.lower() != "basic":
        return ""
    try:
        return base64.b64decode(value, validate=True).decode().partition(":")[2]
    except (ValueError, binascii.Error):
        return ""


def _cookie(header: str) -> str:
    try:
        found = SimpleCookie(header).get(COOKIE)
    except CookieError:
        return ""
    return "" if found is None else found.value


def _host(header: str) -> str | None:
    """The name in a Host header, without the port; None where it is none."""
    try:
        return urlsplit(f"//{header}").hostname
    except ValueError:
        return None
