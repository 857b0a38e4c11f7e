"""What computes: one thread a device, batch after batch.

A batch is made of what several jobs want; what happens to one of them does not touch the others. A cancelled job's
pictures are thrown away, a batch nobody wants any more is stopped at its next step, and a batch that fails is made
again job by job, so that only the one to blame fails.
"""

import sys
import threading
import time
import traceback
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from torch import Tensor

from zeroconv.base import BaseModel
from zeroconv.errors import UserError, is_out_of_memory
from zeroconv.generate import generate
from zeroconv.generate.joined import join
from zeroconv.generate.prepared import Prepared
from zeroconv.generate.run_folder import RunFolder
from zeroconv.notes import kept
from zeroconv.number_types import NUMBER_TYPES
from zeroconv.request.files import as_it_is
from zeroconv.serve.jobs.board import Board
from zeroconv.serve.jobs.job import ENDED
from zeroconv.serve.jobs.pace import Pace
from zeroconv.serve.jobs.previews import Previews
from zeroconv.serve.jobs.queue import FairQueue, Share
from zeroconv.serve.jobs.sentences import without_paths
from zeroconv.serve.jobs.task import Task
from zeroconv.serve.models import Models


class Ledger(Protocol):
    """Who writes down what becomes of tasks."""

    def began(self, task: Task) -> None:
        """Its first picture is being made."""

    def progressed(self, task: Task, index: int) -> None:
        """Picture `index` lies in its folder."""

    def ended(self, task: Task, error: str | None = None) -> None:
        """It is done, or failed with this sentence; nothing happens where it has ended before."""


class _Stopped(Exception):  # noqa: N818 - ends a batch, no error
    """Nobody wants the batch any more."""


@dataclass(frozen=True)
class Worker:
    """Takes batches from the queue until it is closed."""

    queue: FairQueue
    models: Models
    board: Board
    ledger: Ledger
    pace: Pace
    job_seconds: float
    """How long a job may be computed."""
    is_closing: threading.Event

    def run(self) -> None:
        """Returns when the queue is closed."""
        while shares := self.queue.take():
            try:
                self._work(shares)
            except Exception:  # as a full disk, on which not even a failure can be written down: the next may succeed
                traceback.print_exc(file=sys.stderr)

    def _work(self, shares: list[Share]) -> None:
        try:
            ready = [share for share in shares if self._is_ready(share.task)]
            if ready:
                with kept():  # what is to be said of a job was said when it came
                    self._make(ready)
        except _Stopped:
            pass
        except Exception as error:  # whatever it is, the jobs of this batch are told and the next batch is made
            self._failed(shares, error)
        for share in shares:
            self._close(share.task)

    def _failed(self, shares: list[Share], error: Exception) -> None:
        """Makes the batch again in parts; of a part that cannot be divided the job fails."""
        parts = _parts(shares, error)
        if len(parts) > 1:
            for part in parts:
                self._work(part)
            return
        self.ledger.ended(shares[0].task, _sentence(error))

    def _is_ready(self, task: Task) -> bool:
        """Has the task's request prepared and its folder begun; false where it has ended or cannot be."""
        if task.status in ENDED:
            return False
        if task.run is None:
            try:
                self._begin(task)
            except Exception as error:  # as a condition network that fails on the picture
                self.ledger.ended(task, _sentence(error))
                return False
        return True

    def _begin(self, task: Task) -> None:
        base = self.models.base(task.base)
        task.prepared = task.prepared or self.models.prepare(task.base, task.request)
        task.run = begun_run(task, base, self.models)
        self.ledger.began(task)

    def _make(self, shares: list[Share]) -> None:
        """Makes the pictures of the batch and puts each into its job's folder."""
        wanted = [(share.task, indices) for share in shares if (indices := _still(share))]
        owners = [(task, index) for task, indices in wanted for index in indices]
        if not owners:
            return
        prepared = join([_prepared(task).only(indices) for task, indices in wanted])
        prepared = replace(prepared, base=self.models.merged(prepared.base, prepared.request.loras))
        watch = _Watch(self, [task for task, _ in owners], prepared.base)
        made = generate(prepared.base, prepared, batch_size=len(owners), on_step=watch.step, on_expected=watch.expected)
        for (task, index), image in zip(owners, made, strict=True):
            if task.status in ENDED:
                continue
            assert task.run is not None
            task.run.add(image)
            task.unfinished.discard(index)
            task.steps_now -= task.num_steps
            self.ledger.progressed(task, index)

    def _close(self, task: Task) -> None:
        """The run's record, where the job has ended or its last picture is there."""
        task.steps_now = 0
        try:
            self._write_record(task)
        except Exception as error:  # as a full disk, or a folder that is gone: of this job alone
            self.ledger.ended(task, _sentence(error))

    def _write_record(self, task: Task) -> None:
        is_made = task.status not in ENDED and not task.unfinished
        if task.run is not None and (is_made or task.status in ENDED):
            seconds = {"load": 0.0, "prepare": 0.0, "sample": task.seconds}
            task.run.end(seconds, len(task.run.finished))
            task.run = task.prepared = None
        if is_made:
            self.ledger.ended(task)


class _Watch:
    """What happens at each step of one batch."""

    def __init__(self, worker: Worker, rows: Sequence[Task], base: BaseModel) -> None:
        """rows: whose picture each row of the batch is."""
        self._worker, self._rows, self._base = worker, rows, base
        self._tasks = list(dict.fromkeys(rows))
        self._previews = Previews()
        self._last = time.perf_counter()
        for task in self._tasks:
            task.steps_now = 0

    def expected(self, latents: Tensor) -> None:
        """A preview for whoever watches, of the first of the job's pictures."""
        for task in self._tasks:
            if self._worker.board.is_watched(task.id) and self._previews.is_due():
                preview = self._previews.make(self._base, latents[self._rows.index(task)])
                self._worker.board.tell(task.id, preview)

    def step(self, count: int) -> None:
        """One step of all pictures is done; stops the batch where nobody wants it."""
        now = time.perf_counter()
        seconds, self._last = now - self._last, now
        self._worker.pace.measured(self._base.name, count, seconds)
        for task in self._tasks:
            task.seconds += seconds
            task.steps_now += self._rows.count(task)
            if task.seconds > self._worker.job_seconds:
                limit = self._worker.job_seconds
                self._worker.ledger.ended(task, f"it took longer than the {limit:g} seconds that a job may be computed")
            self._worker.board.tell(task.id)
        if self._worker.is_closing.is_set() or all(task.status in ENDED for task in self._tasks):
            raise _Stopped


def begun_run(task: Task, base: BaseModel, models: Models) -> RunFolder:
    """The task's folder as `zeroconv generate` writes it, with what is finished taken for done."""
    assert task.prepared is not None
    run = RunFolder(task.folder, task.request, None)
    dtype = next(name for name, known in NUMBER_TYPES.items() if known == base.dtype)
    run.begin(
        base,
        task.prepared,
        device=str(base.device),
        dtype=dtype,
        file_hash=models.file_hash,
        lora_hash=models.lora_hash,
        name_of=as_it_is,
    )
    run.keep_finished()
    task.unfinished -= run.finished
    task.waiting = [index for index in task.waiting if index not in run.finished]
    return run


def _still(share: Share) -> list[int]:
    """Which of the share's pictures are still to be made."""
    wanted = () if share.task.status in ENDED else share.indices
    return [index for index in wanted if index in share.task.unfinished]


def _prepared(task: Task) -> Prepared:
    assert task.prepared is not None
    return task.prepared


def _parts(shares: list[Share], error: Exception) -> list[list[Share]]:
    """A failed batch by job; the pictures of one job one by one where they were too many for the memory."""
    if len(shares) > 1:
        return [[share] for share in shares]
    (share,) = shares
    return [[Share(share.task, (index,))] for index in share.indices] if is_out_of_memory(error) else [shares]


def _sentence(error: Exception) -> str:
    """Why a job failed, for its client; what is our fault goes to the server's log in full."""
    if isinstance(error, UserError):
        return without_paths(str(error))
    if is_out_of_memory(error):
        return "the memory did not suffice; try a smaller size or fewer controls"
    traceback.print_exception(error, file=sys.stderr)
    return "an error of the server, which is in its log"
