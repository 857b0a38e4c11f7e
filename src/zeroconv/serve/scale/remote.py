"""The owners' jobs as one: what API, webui and page speak to in a replica, in place of `Jobs`."""

import contextlib
import secrets
import shutil
import tempfile
import threading
import zlib
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import ray

from zeroconv.errors import UserError
from zeroconv.request import Request
from zeroconv.serve.jobs import Event, Job, QueueFull, watching
from zeroconv.serve.scale.owner import Full, Refused
from zeroconv.serve.scale.parcels import packed
from zeroconv.serve.scale.watched import RemoteBoard

_REMEMBERED = 4096
"""Jobs of which a replica knows the owner without asking."""
_FETCHED = 64
"""Jobs of which files from other machines are kept here."""


class RemoteJobs:
    """The methods of `Jobs`, over the owners. Thread-safe; it keeps nothing that another replica could miss."""

    def __init__(self, owners: Sequence[Any]) -> None:
        """owners: handles of Ray actors made of `Owner`, in the same order in every replica."""
        self._owners = list(owners)
        self._known: OrderedDict[str, Any] = OrderedDict()
        self._fetched: OrderedDict[tuple[str, ...], Path] = OrderedDict()
        self._lock = threading.Lock()
        self.board = RemoteBoard(self._look)
        self.is_closing = False

    def submit(self, request: Request, *, base: str, client: str, key: str | None = None) -> Job:
        """A new job with the owner that has the fewest; one with a key always with the same owner.

        UserError for a request that the base cannot serve; QueueFull where no owner has room. Without a key it gets
        one, so that an owner that was killed while it answered is asked again and does it once.
        """
        parcel = ray.put(packed(request))
        full: Full | None = None
        for owner in self._order(client, key):
            answer = ray.get(owner.submit.remote(parcel, base, client, key or secrets.token_urlsafe(16)))
            if isinstance(answer, Refused):
                raise UserError(answer.sentence)
            if isinstance(answer, Job):
                self._remember(answer.id, owner)
                return answer
            full = answer if full is None or answer.retry_after < full.retry_after else full
        assert full is not None
        raise QueueFull(full.retry_after, full.sentence)

    def job(self, id: str) -> Job | None:
        """A job as it stands; None where no owner has it."""
        return self._found(id)[1]

    def cancel(self, id: str) -> Job | None:
        """Ends a job, wherever it is."""
        owner, job = self._found(id)
        return None if job is None else ray.get(owner.cancel.remote(id))

    def watch(self, id: str) -> Iterator[Event]:
        """The job now, and again whenever something is new, until it has ended; nothing where there is none."""
        return watching.watch(self, id)

    def news(self, id: str, after: int) -> tuple[int, Event | None]:
        """The number of a watched job's last news, and the job with its preview where that is newer than `after`."""
        return watching.news(self, id, after)

    def stop(self) -> None:
        """Lets watchers go."""
        self.is_closing = True

    def _look(self, id: str, after: int) -> tuple[int, Event | None]:
        owner, _ = self._found(id)
        return (after, None) if owner is None else ray.get(owner.look.remote(id, after))

    def history(self, *, limit: int = 50, before: str | None = None, client: str | None = None) -> list[Job]:
        """The newest of all owners first; before: an id, only what is older than that job."""
        since = None
        if before is not None:
            job = self.job(before)
            if job is None:
                return []
            since = job.created
        found = ray.get([owner.history.remote(limit, since, client) for owner in self._owners])
        return sorted((job for jobs in found for job in jobs), key=lambda job: -job.created)[:limit]

    def folder(self, id: str) -> Path:
        """The job's run folder: the owner's own where this machine has it, else a copy as it stands."""
        owner, job = self._found(id)
        if job is None:
            raise UserError("there is no such job")
        with self._lock:
            copy = self._fetched.get(_state(job))
        if copy is not None:
            return copy
        folder = Path(ray.get(owner.folder.remote(id)))
        return folder if folder.is_dir() else self._fetch(owner, job)

    def close(self) -> None:
        """Removes the copies; the owners go on."""
        with self._lock:
            for folder in self._fetched.values():
                shutil.rmtree(folder, ignore_errors=True)
            self._fetched.clear()

    def _order(self, client: str, key: str | None) -> list[Any]:
        """The owners to ask, one after the other."""
        if key is not None:
            return [self._owners[zlib.crc32(f"{client}\0{key}".encode()) % len(self._owners)]]
        waiting = ray.get([owner.waiting.remote() for owner in self._owners])
        first = secrets.randbelow(len(self._owners))  # of those that have the same, each as often
        turned = [(count, (index - first) % len(waiting), index) for index, count in enumerate(waiting)]
        return [self._owners[index] for _, _, index in sorted(turned)]

    def _found(self, id: str) -> tuple[Any, Job | None]:
        with self._lock:
            known = self._known.get(id)
        if known is not None:
            return known, ray.get(known.job.remote(id))
        jobs = ray.get([owner.job.remote(id) for owner in self._owners])
        for owner, job in zip(self._owners, jobs, strict=True):
            if job is not None:
                self._remember(id, owner)
                return owner, job
        return None, None

    def _remember(self, id: str, owner: Any) -> None:
        with self._lock:
            self._known[id] = owner
            while len(self._known) > _REMEMBERED:
                self._known.popitem(last=False)

    def _fetch(self, owner: Any, job: Job) -> Path:
        """A copy of the job's files as they are in this state of it."""
        folder = Path(tempfile.mkdtemp(prefix="zeroconv-job-"))
        for name, content in ray.get(owner.files.remote(job.id)).items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)
        with self._lock:
            self._fetched[_state(job)] = folder
            while len(self._fetched) > _FETCHED:
                _, old = self._fetched.popitem(last=False)
                with contextlib.suppress(OSError):
                    shutil.rmtree(old)
        return folder


def _state(job: Job) -> tuple[str, ...]:
    """What of a job decides which files it has."""
    return job.id, job.status, *job.pictures
