"""Which base each client has chosen by webui's settings: there one for all, here each client has its own."""

import threading
from collections import OrderedDict

_CLIENTS = 1000
"""Whose choice is remembered; the oldest choice goes first."""


class Chosen:
    """Client -> base. Thread-safe."""

    def __init__(self, default: str) -> None:
        self._default, self._bases, self._lock = default, OrderedDict[str, str](), threading.Lock()

    def base(self, client: str) -> str:
        """The base of a client."""
        with self._lock:
            return self._bases.get(client, self._default)

    def choose(self, client: str, base: str) -> None:
        """A client chooses its base."""
        with self._lock:
            self._bases[client] = base
            self._bases.move_to_end(client)
            while len(self._bases) > _CLIENTS:
                self._bases.popitem(last=False)
