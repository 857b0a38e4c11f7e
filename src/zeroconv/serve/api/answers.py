"""Jobs and models as JSON, and a job's news as server-sent events."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from dataclasses import asdict, fields
from typing import Any

import anyio.to_thread

from zeroconv import conditions
from zeroconv import fields as options_of
from zeroconv.serve.jobs import ENDED, Event, Job, Jobs
from zeroconv.serve.models import ModelInfo, Models
from zeroconv.serve.settings import Limits

_POLL = 0.1
"""Seconds between two looks whether there is news: a look costs a microsecond."""
_HEARTBEAT = 15.0
"""Seconds after which a silent stream says that it lives, for what lies in between."""


def job_json(job: Job) -> dict[str, Any]:
    """A job as `JobBody` has it."""
    place = f"/v1/jobs/{job.id}"
    names = ("id", "status", "position", "steps_done", "steps", "error", "notes", "created", "began", "ended")
    count = len(job.record["controls"]) if job.began is not None else 0
    links = {
        "self": place,
        "events": f"{place}/events",
        "cancel": f"{place}/cancel",
        "pictures": [f"{place}/pictures/{int(name.partition('.')[0])}" for name in job.pictures],
        "conditions": [f"{place}/conditions/{index}" for index in range(count)],
    }
    return {**{name: getattr(job, name) for name in names}, "request": dict(job.record), "links": links}


def models_json(models: Models, limits: Limits) -> dict[str, Any]:
    """Everything that can be named, as `ModelsBody` has it."""
    return {
        "bases": [_info(info) for info in models.bases().values()],
        "controlnets": [_info(info) for info in models.controlnets().values()],
        "loras": [asdict(info) for info in models.loras().values()],
        "conditions": [_condition(name) for name in conditions.names()],
        "limits": asdict(limits),
    }


def _info(info: ModelInfo) -> dict[str, Any]:
    return {field.name: getattr(info, field.name) for field in fields(info)}


def _condition(name: str) -> dict[str, Any]:
    kind = conditions.kind(name)
    options = () if kind.extractor is None else options_of.options(kind.extractor)
    return {
        "name": kind.name,
        "aliases": list(kind.aliases),
        "polarity": kind.polarity,
        "options": {option.name: option.default for option in options},
        "is_extractable": kind.extractor is not None,
    }


async def events(jobs: Jobs, id: str) -> AsyncIterator[str]:
    """The job now and whenever something is new, until it has ended or the server closes."""
    number, silent = -1, 0.0
    with jobs.board.watching(id):
        while not jobs.is_closing:
            if jobs.board.news(id).number == number and silent < _HEARTBEAT:
                await asyncio.sleep(_POLL)
                silent += _POLL
                continue
            before = number
            number, event = await anyio.to_thread.run_sync(jobs.news, id, number)
            if event is None:
                return
            yield ": still there\n\n" if number == before else _event(event)
            silent = 0.0
            if event.job.status in ENDED:
                return


def _event(event: Event) -> str:
    preview = event.preview and f"data:image/jpeg;base64,{base64.b64encode(event.preview).decode()}"
    return f"event: job\ndata: {json.dumps({'job': job_json(event.job), 'preview': preview})}\n\n"
