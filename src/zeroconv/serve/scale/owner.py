"""An owner of jobs: one process with one device, a queue and a folder, to which the replicas speak.

What is refused comes back as a value: an exception that crosses processes brings its traceback along.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import torch

from zeroconv.errors import UserError
from zeroconv.serve.jobs import ENDED, Event, Job, Jobs, QueueFull
from zeroconv.serve.loras import LoraInfo
from zeroconv.serve.models import ModelInfo, Models
from zeroconv.serve.scale.parcels import Parcel, unpacked
from zeroconv.serve.scale.watched import Watched
from zeroconv.serve.settings import Settings

_PAGE = 100
"""Jobs read at once while older ones are looked for."""


@dataclass(frozen=True)
class Offer:
    """What models every owner loads."""

    bases: Mapping[str, str]
    controlnets: Mapping[str, str]
    """Name -> place, as `Models` takes them."""
    device: str
    dtype: torch.dtype
    loras: Mapping[str, str] = field(default_factory=dict)

    def load(self) -> Models:
        """The models, on this machine."""
        return Models(self.bases, self.controlnets, self.loras, device=self.device, dtype=self.dtype)


@dataclass(frozen=True)
class Refused:
    """A request that cannot be served."""

    sentence: str


@dataclass(frozen=True)
class Full:
    """A queue without room."""

    retry_after: float
    sentence: str


class Owner:
    """Jobs of its own, in its own folder. One of each name runs at a time, wherever Ray starts it."""

    def __init__(self, name: str, settings: Settings, offer: Offer) -> None:
        """Takes up what an owner of this name has left in its folder, and begins to work."""
        self._models = offer.load()
        folder = settings.data / name
        folder.mkdir(parents=True, exist_ok=True)
        self._jobs = Jobs(replace(settings, data=folder), self._models)
        self._watched = Watched(self._jobs)

    def models(self) -> tuple[Mapping[str, ModelInfo], Mapping[str, ModelInfo], Mapping[str, LoraInfo]]:
        """What is known of its bases, its ControlNets and its LoRAs, by name."""
        return self._models.bases(), self._models.controlnets(), self._models.loras()

    def look(self, id: str, after: int) -> tuple[int, Event | None]:
        """As `Jobs.news`; who looks often is a watcher, for whom there are previews."""
        self._watched.looked(id)
        return self._jobs.news(id, after)

    def submit(self, parcel: Parcel, base: str, client: str, key: str) -> Job | Refused | Full:
        """A new job, on the disk when this returns; the same one where the key came before."""
        try:
            return self._jobs.submit(unpacked(parcel), base=base, client=client, key=key)
        except QueueFull as error:
            return Full(error.retry_after, str(error))
        except UserError as error:
            return Refused(str(error))

    def job(self, id: str) -> Job | None:
        """One of its jobs."""
        return self._jobs.job(id)

    def cancel(self, id: str) -> Job | None:
        """Ends one of its jobs."""
        return self._jobs.cancel(id)

    def history(self, limit: int, before: float | None, client: str | None) -> list[Job]:
        """The newest of its jobs first; before: seconds since 1970, only what was asked for earlier."""
        found: list[Job] = []
        last: str | None = None
        while len(found) < limit:
            page = self._jobs.history(limit=_PAGE, before=last, client=client)
            found += [job for job in page if before is None or job.created < before]
            if len(page) < _PAGE:
                break
            last = page[-1].id
        return found[:limit]

    def waiting(self) -> int:
        """How many of its jobs have not ended."""
        return sum(job.status not in ENDED for job in self._jobs.history(limit=_PAGE))

    def folder(self, id: str) -> str | None:
        """Where the files of one of its jobs lie on its machine."""
        return str(self._jobs.folder(id)) if self._jobs.job(id) else None

    def files(self, id: str) -> dict[str, bytes]:
        """The files of one of its jobs, but for those still being written, by their names below its folder."""
        folder = self._jobs.folder(id)
        paths = [path for path in folder.rglob("*") if path.is_file() and not path.name.startswith(".")]
        return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}

    def process(self) -> int:
        """The number of its process."""
        return os.getpid()
