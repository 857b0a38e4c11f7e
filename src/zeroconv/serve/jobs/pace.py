"""How long a step takes, as measured: for the time after which a client may come again."""

import threading

_WEIGHT = 0.1
"""Of the newest measurement in the running mean: twenty steps tell most of it."""
_SHORTEST, _LONGEST = 1.0, 3600.0
"""Seconds a client may be asked to wait."""


class Pace:
    """Seconds per denoising step of one picture, by base; a running mean. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seconds: dict[str, float] = {}

    def measured(self, base: str, count: int, seconds: float) -> None:
        """One step of `count` pictures together took so long."""
        with self._lock:
            before = self._seconds.get(base, seconds / count)
            self._seconds[base] = before + _WEIGHT * (seconds / count - before)

    def seconds(self, base: str, steps: int) -> float:
        """How long so many steps of single pictures will take; a second a step where nothing was measured yet."""
        with self._lock:
            return steps * self._seconds.get(base, 1.0)


def retry_after(seconds: float) -> float:
    """An estimated waiting time within what can be asked of a client."""
    return min(_LONGEST, max(_SHORTEST, seconds))
