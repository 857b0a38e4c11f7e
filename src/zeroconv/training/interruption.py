"""Ctrl-C and SIGTERM as a wish that the loop reads between two steps, so that nothing is lost."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType

EXIT_CODES = {signal.SIGINT: 130, signal.SIGTERM: 143}
"""What shells expect of a process that ended because of a signal: 128 + its number."""


class Interruption:
    """Within `with`, the first signal is remembered in `signal`; a second Ctrl-C ends at once.

    Signals reach the main thread only; elsewhere this does nothing.
    """

    def __init__(self) -> None:
        self.signal: signal.Signals | None = None
        self._before: dict[signal.Signals, object] = {}

    def __enter__(self) -> "Interruption":
        for number in EXIT_CODES:
            try:
                self._before[number] = signal.signal(number, self._remember)
            except ValueError:  # not the main thread
                break
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]

    @property
    def exit_code(self) -> int:
        """0 where nothing interrupted."""
        return EXIT_CODES[self.signal] if self.signal else 0

    def _remember(self, number: int, frame: FrameType | None) -> None:
        if self.signal is not None and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.signal = signal.Signals(number)


@contextmanager
def orderly_termination() -> Iterator[None]:
    """Within `with`, SIGTERM unwinds the program as Ctrl-C does, so that worker processes end too."""

    def leave(number: int, frame: FrameType | None) -> None:
        raise SystemExit(EXIT_CODES[signal.SIGTERM])

    try:
        before = signal.signal(signal.SIGTERM, leave)
    except ValueError:  # not the main thread
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
