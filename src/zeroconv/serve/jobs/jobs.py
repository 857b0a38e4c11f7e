"""The jobs of one server: the one thing that the API, the webui's endpoints and the page speak to."""

import json
import secrets
import shutil
import sqlite3
import sys
import threading
import time
import traceback
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from zeroconv.errors import UserError
from zeroconv.generate.prompt_modes import note_unread
from zeroconv.notes import kept
from zeroconv.request import Request
from zeroconv.serve.jobs import watching
from zeroconv.serve.jobs.admission import admitted, check_pixels
from zeroconv.serve.jobs.board import Board
from zeroconv.serve.jobs.inputs import asked_record, digest, recorded_request, sync, write_inputs
from zeroconv.serve.jobs.job import ENDED, Event, Job, QueueFull, Status
from zeroconv.serve.jobs.pace import Pace, retry_after
from zeroconv.serve.jobs.queue import FairQueue
from zeroconv.serve.jobs.sentences import without_paths
from zeroconv.serve.jobs.store import Row, Store
from zeroconv.serve.jobs.task import Task
from zeroconv.serve.jobs.worker import Worker
from zeroconv.serve.models import Models
from zeroconv.serve.settings import Settings

_DISK = 60.0
"""Seconds after which a client may try again where the disk refused."""


class Jobs:
    """Thread-safe. What `submit` has returned outlives the process, and is done once."""

    def __init__(self, settings: Settings, models: Models) -> None:
        """Takes up what an earlier server left in the data folder, and begins to work."""
        self._limits, self._models = settings.limits, models
        self._folder = settings.data.absolute() / "jobs"
        self._folder.mkdir(parents=True, exist_ok=True)
        self._store = Store(settings.data / "jobs.sqlite3")
        self._queue, self._board, self._pace = FairQueue(self._limits.batch), Board(), Pace()
        self._lock, self._preparing = threading.RLock(), threading.Lock()
        self._tasks: dict[str, Task] = {}
        self._arriving: list[str] = []
        """The clients whose requests are being checked: they have a place in the queue already."""
        self._closing = threading.Event()
        self._recover()
        worker = Worker(self._queue, models, self._board, self, self._pace, self._limits.job_seconds, self._closing)
        self._thread = threading.Thread(target=worker.run, name="worker", daemon=True)
        self._thread.start()

    def submit(self, request: Request, *, base: str, client: str, key: str | None = None) -> Job:
        """A new job, which is on the disk when this returns.

        key: the client's own name for the request; a second one of that name is the same job.
        UserError for a request that the base cannot serve or that exceeds a limit; QueueFull.
        """
        request = admitted(request, base, self._models, self._limits)
        self._reserve(base, client)
        id = secrets.token_urlsafe(16)
        folder = self._folder / id
        try:
            task, asked, notes = self._prepared(id, request, base, client)
            known = self._accept(task, asked, notes, client, key)
        except BaseException as error:
            shutil.rmtree(folder, ignore_errors=True)
            if isinstance(error, UserError):
                raise UserError(without_paths(str(error))) from error
            if isinstance(error, OSError | sqlite3.OperationalError):  # nothing was promised yet
                traceback.print_exception(error, file=sys.stderr)
                raise QueueFull(_DISK, "the server cannot write a job down, its disk may be full") from error
            raise
        finally:
            with self._lock:
                self._arriving.remove(client)
        if known is not None:
            shutil.rmtree(folder, ignore_errors=True)
            return self._job(known)
        job = self.job(id)
        assert job is not None
        return job

    def job(self, id: str) -> Job | None:
        """A job as it stands; None where there is none of this id."""
        row = self._store.find(id)
        return None if row is None else self._job(row)

    def cancel(self, id: str) -> Job | None:
        """Ends a job at its next step, or before it begins; one that has ended stays as it is."""
        with self._lock:
            task = self._tasks.get(id)
            if task is not None:
                self._queue.remove(task)
                self._end(task, "cancelled", None)
        return self.job(id)

    def watch(self, id: str) -> Iterator[Event]:
        """The job now, and again whenever something is new, until it has ended; nothing where there is none."""
        return watching.watch(self, id)

    def news(self, id: str, after: int) -> tuple[int, Event | None]:
        """The number of a watched job's last news, and the job with its preview where that is newer than `after`."""
        return watching.news(self, id, after)

    @property
    def is_closing(self) -> bool:
        """Whether the server is about to end: who watches should go."""
        return self._closing.is_set()

    @property
    def board(self) -> Board:
        """Who watches what."""
        return self._board

    def history(self, *, limit: int = 50, before: str | None = None, client: str | None = None) -> list[Job]:
        """The newest first, of all clients or of one; before: an id, only what is older than that job."""
        return [self._job(row) for row in self._store.history(limit, before, client)]

    def folder(self, id: str) -> Path:
        """The job's run folder, as `zeroconv generate` writes it; UserError where there is no such job."""
        if self._store.find(id) is None:
            raise UserError("there is no such job")
        return self._folder / id

    def stop(self) -> None:
        """Lets watchers go, and the worker stop at its next step; `close` waits for it."""
        self._closing.set()
        self._queue.close()
        self._board.tell_all()

    def close(self) -> None:
        """Stops at the next step; what is not finished waits for the next server."""
        self.stop()
        self._thread.join()
        with self._lock:
            for id in self._tasks:
                self._store.update(id, status="queued")
            self._tasks.clear()
            self._store.close()

    # What the worker reports

    def began(self, task: Task) -> None:
        """The worker has begun with a task."""
        with self._lock:
            if task.status == "queued":
                task.status = "running"
                names = task.finished(path.name for path in task.run.pictures) if task.run else ()
                self._store.begin(task.id, time.time(), names)
        self._board.tell(task.id)

    def progressed(self, task: Task, index: int) -> None:
        """Picture `index` lies in the task's folder."""
        assert task.run is not None
        sync(task.run.pictures[index])
        self._store.update(task.id, pictures=task.finished(path.name for path in task.run.pictures))
        self._board.tell(task.id)

    def ended(self, task: Task, error: str | None = None) -> None:
        """A task is done, or failed with a sentence."""
        self._queue.remove(task)
        self._end(task, "done" if error is None else "failed", error)

    def _end(self, task: Task, status: Status, error: str | None) -> None:
        with self._lock:
            if task.status in ENDED:
                return
            self._store.update(task.id, status=status, error=error, ended=time.time())
            task.status = status
            self._tasks.pop(task.id, None)
            old = self._store.forget(self._limits.kept_jobs)
        self._board.tell(task.id)
        for id in old:
            shutil.rmtree(self._folder / id, ignore_errors=True)

    # Accepting

    def _reserve(self, base: str, client: str) -> None:
        """A place in the queue; QueueFull where there is none."""
        with self._lock:
            waiting = [task for task in self._tasks.values() if task.status == "queued"]
            of_client = sum(task.client == client for task in waiting) + self._arriving.count(client)
            is_full = len(waiting) + len(self._arriving) >= self._limits.queue
            if is_full or of_client >= self._limits.queue_per_client:
                steps = sum(task.steps_left for task in self._tasks.values()) / max(1, len(self._tasks))
                whose = "the queue is full" if is_full else f"{of_client} of your jobs wait already"
                raise QueueFull(retry_after(self._pace.seconds(base, round(steps))), f"{whose}; come again later")
            self._arriving.append(client)

    def _prepared(
        self, id: str, request: Request, base: str, client: str
    ) -> tuple[Task, dict[str, Any], tuple[str, ...]]:
        """The task with its pictures written and everything decided, its record as it was asked, and notes on it."""
        folder = self._folder / id
        written = write_inputs(request, folder)
        asked = asked_record(written, folder, base)
        with self._preparing, kept() as told:  # one at a time: detectors and loading are heavy
            prepared = self._models.prepare(base, written)
            note_unread(prepared.base, prepared.request)
        check_pixels(prepared.size, self._limits)
        notes = tuple(dict.fromkeys(without_paths(sentence) for sentence in (*prepared.notes, *told)))
        task = Task(id, client, base, prepared.request, folder, prepared.num_steps)
        task.prepared = prepared
        return task, asked, notes

    def _accept(
        self, task: Task, asked: Mapping[str, Any], notes: tuple[str, ...], client: str, key: str | None
    ) -> Row | None:
        """Writes the job down and queues it; the job of before where the client's key is known."""
        steps = len(task.request.seeds) * task.num_steps
        settled = asked_record(task.request, task.folder, task.base)
        about = (None, time.time(), None, None, json.loads(json.dumps(settled)), key, digest(asked, task.folder))
        row = Row(task.id, client, "queued", steps, (), *about, notes)
        with self._lock:
            known = None if key is None else self._store.by_key(client, key)
            if known is not None and known.digest != row.digest:
                raise UserError("the key was given to another request before; every request needs its own")
            if known is not None:
                return known
            sync(self._folder)
            self._store.add(row)
            self._tasks[task.id] = task
            self._queue.put(task)
        return None

    def _recover(self) -> None:
        """Queues what was left unfinished; folders of requests that were never accepted go."""
        for row in self._store.unfinished():
            folder = self._folder / row.id
            try:
                request = recorded_request(row.record, folder)
            except UserError as error:
                self._store.update(row.id, status="failed", error=str(error), ended=time.time())
                continue
            base = str(row.record["base"]["name"])
            task = Task(row.id, row.client, base, request, folder, row.steps // len(request.seeds))
            self._store.update(row.id, status="queued")
            self._tasks[row.id] = task
            self._queue.put(task)
        known = self._store.ids()
        for folder in self._folder.iterdir():
            if folder.name not in known:
                shutil.rmtree(folder, ignore_errors=True)

    def _job(self, row: Row) -> Job:
        task = self._tasks.get(row.id)
        done = row.steps if row.status == "done" else len(row.pictures) * (row.steps // len(row.record["seeds"]))
        status = row.status if task is None else task.status
        order = self._queue.waiting() if status == "queued" else []
        return Job(
            id=row.id,
            client=row.client,
            status=status,
            position=next((at for at, other in enumerate(order) if other is task), 0) if status == "queued" else None,
            steps_done=done if task is None else task.steps_done,
            steps=row.steps,
            pictures=row.pictures,
            error=row.error,
            created=row.created,
            began=row.began,
            ended=row.ended,
            record=row.record,
            notes=row.notes,
        )
