"""Notes: warnings, or sentences for whoever keeps them, each thread its own."""

import threading

import pytest

from zeroconv.notes import kept, note


def test_another_threads_notes_are_not_among_them() -> None:
    def tell() -> None:
        with pytest.warns(UserWarning, match="theirs"):
            note("theirs")

    with kept() as told:
        note("mine")
        other = threading.Thread(target=tell)
        other.start()
        other.join()
    assert told == ["mine"]
    with pytest.warns(UserWarning, match="mine"):
        note("mine")
