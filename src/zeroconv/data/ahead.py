"""Reading ahead: the next batch is made while a step computes with the one before.

Reading from disk, decoding, drawing and encoding prompts change nothing in each other's results, whichever thread does
them: the batches are those that would be read one after the other, bit by bit.
"""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from types import TracebackType

import torch

from zeroconv.data.records import Batch


class ReadAhead:
    """Batches one by one, each of which may be begun in a thread of its own before it is wanted.

    The thread works between `begin` and `settle` only, so that whoever comes in between two steps (measurements,
    pictures, a signal) finds tokenizers and files at rest. Use it as a context: at its end the thread is gone.
    """

    def __init__(self, batches: Iterator[Batch]) -> None:
        self._batches = batches
        # It encodes prompts with as many threads as this one would: their number decides how sums are rounded.
        self._thread = ThreadPoolExecutor(1, "read-ahead", torch.set_num_threads, (torch.get_num_threads(),))
        self._begun: Future[Batch] | None = None

    def __enter__(self) -> "ReadAhead":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._thread.shutdown()

    def begin(self) -> None:
        """Begins to read the next batch."""
        self._begun = self._thread.submit(next, self._batches)

    def settle(self) -> None:
        """Returns when the batch that was begun, if any, is there or has failed."""
        if self._begun is not None:
            wait([self._begun])

    def take(self) -> Batch:
        """The next batch, read now where it was not begun; raises what reading it raised."""
        if self._begun is None:
            return next(self._batches)
        begun, self._begun = self._begun, None
        return begun.result()
