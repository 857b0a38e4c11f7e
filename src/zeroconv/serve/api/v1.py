"""/v1: generate, annotate, models and jobs."""

from collections.abc import Callable
from typing import Annotated, Any, TypeVar

import anyio
import anyio.to_thread
from fastapi import APIRouter, Header, Query, Response
from fastapi import Path as InPath
from fastapi import Request as HttpRequest
from fastapi.responses import JSONResponse, StreamingResponse
from starlette.exceptions import HTTPException

from zeroconv.generate.run_folder import control_names
from zeroconv.serve.api import annotating, answers, reading
from zeroconv.serve.api.bodies import ANNOTATE, EVENTS, GENERATE, PNG
from zeroconv.serve.api.errors import documented
from zeroconv.serve.api.schema import AnnotateBody, AnnotationBody, GenerateBody, HistoryBody, JobBody, ModelsBody
from zeroconv.serve.api.uploads import picture
from zeroconv.serve.jobs import Job, Jobs, QueueFull
from zeroconv.serve.models import Models
from zeroconv.serve.settings import Settings

AT_ONCE = 4
"""Requests that are unpacked and checked at once; the others wait."""
ANNOTATIONS = 16
"""Condition images that may wait to be made."""
Id = Annotated[str, InPath(pattern=r"^[\w-]{1,64}$", description="The job's id.")]
Index = Annotated[int, InPath(ge=0, le=9999, description="Which one, from 0.")]
Key = Annotated[
    str | None,
    Header(max_length=200, description="Your own name for this request: sent again, it is the same job."),
]
_T = TypeVar("_T")


def router(settings: Settings, models: Models, jobs: Jobs) -> APIRouter:
    """The endpoints."""
    found = APIRouter(prefix="/v1", tags=["v1"], responses=documented(401, 403, 413, 421, 422, 429))
    service = _Service(settings, models, jobs)
    add = found.add_api_route
    add("/generate", service.generate, methods=["POST"], status_code=202, response_model=JobBody, **GENERATE)
    add("/annotate", service.annotate, methods=["POST"], response_model=AnnotationBody, **ANNOTATE)
    add("/models", service.models, methods=["GET"], response_model=ModelsBody)
    add("/jobs", service.history, methods=["GET"], response_model=HistoryBody)
    job: dict[str, Any] = {"responses": documented(404)}
    add("/jobs/{id}", service.job, methods=["GET"], response_model=JobBody, **job)
    add("/jobs/{id}", service.cancel, methods=["DELETE"], response_model=JobBody, **job)
    add("/jobs/{id}/cancel", service.cancel, methods=["POST"], response_model=JobBody, operation_id="cancel", **job)
    add("/jobs/{id}/events", service.events, methods=["GET"], response_class=StreamingResponse, **EVENTS)
    add("/jobs/{id}/pictures/{n}", service.picture, methods=["GET"], response_class=Response, **PNG)
    add("/jobs/{id}/conditions/{n}", service.condition, methods=["GET"], response_class=Response, **PNG)
    return found


class _Service:
    """The endpoints over one server's jobs and models."""

    def __init__(self, settings: Settings, models: Models, jobs: Jobs) -> None:
        self._limits, self._models, self._jobs = settings.limits, models, jobs
        self._heavy, self._annotator = anyio.CapacityLimiter(AT_ONCE), anyio.CapacityLimiter(1)

    async def generate(self, http: HttpRequest, response: Response, idempotency_key: Key = None) -> Any:
        """Takes a request for pictures; 202 with the job, which is on the server's disk then.

        Pictures come as base64, as data: URLs, or in multipart/form-data as parts which the part `request` names.
        """
        text, parts = await reading.read_body(http, self._limits)
        client = http.state.client

        def submit() -> Job:
            body = reading.parsed(text, GenerateBody)
            base = reading.base_name(body, self._models.default_base)
            asked = reading.generation(body, parts, self._limits)
            return self._jobs.submit(asked, base=base, client=client, key=idempotency_key)

        job = await self._run(submit)
        response.headers["Location"] = f"/v1/jobs/{job.id}"
        return answers.job_json(job)

    async def annotate(self, http: HttpRequest) -> Any:
        """Makes the condition image of a picture; with Accept: image/png as a file, otherwise as JSON."""
        text, parts = await reading.read_body(http, self._limits)
        if self._annotator.statistics().tasks_waiting >= ANNOTATIONS:
            raise QueueFull(ANNOTATIONS, "many condition images are being made; come again later")

        def annotate() -> Response:
            body = reading.parsed(text, AnnotateBody)
            image = picture(body.image, parts, self._limits, "image")
            made = annotating.annotated(body, image, self._models, self._limits)
            if "image/png" in http.headers.get("accept", ""):
                return Response(annotating.png(made), media_type="image/png")
            return JSONResponse(annotating.answer(body.condition, made))

        return await anyio.to_thread.run_sync(annotate, limiter=self._annotator)

    async def models(self) -> Any:
        """The bases, ControlNets and conditions that requests can name, and the limits."""
        return answers.models_json(self._models, self._limits)

    async def history(
        self,
        http: HttpRequest,
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
        before: Annotated[str | None, Query(max_length=64, description="A job's id: only older ones.")] = None,
    ) -> Any:
        """The client's own jobs, the newest first."""
        client = http.state.client
        found = await self._run(lambda: self._jobs.history(limit=limit, before=before, client=client))
        older = found[-1].id if len(found) == limit else None
        return {"jobs": [answers.job_json(job) for job in found], "before": older}

    async def job(self, id: Id) -> Any:
        """A job as it stands."""
        return answers.job_json(_there(await self._run(lambda: self._jobs.job(id))))

    async def cancel(self, id: Id) -> Any:
        """Ends a job before it begins or at its next step; finished pictures stay."""
        return answers.job_json(_there(await self._run(lambda: self._jobs.cancel(id))))

    async def events(self, id: Id) -> StreamingResponse:
        """The job's progress with previews as server-sent events named job, until it has ended."""
        _there(await self._run(lambda: self._jobs.job(id)))
        return StreamingResponse(answers.events(self._jobs, id), media_type="text/event-stream")

    async def picture(self, id: Id, n: Index) -> Response:
        """A finished picture, a PNG with its request in it."""
        job = _there(await self._run(lambda: self._jobs.job(id)))
        name = f"{n:04d}.png"
        return await self._file(id, name if name in job.pictures else None)

    async def condition(self, id: Id, n: Index) -> Response:
        """The condition image of a control, as the ControlNet saw it."""
        job = _there(await self._run(lambda: self._jobs.job(id)))
        names = control_names([control["condition"] for control in job.record["controls"]])
        return await self._file(id, names[n] if n < len(names) else None)

    async def _file(self, id: str, name: str | None) -> Response:
        """A file of a job's folder, by a name that is ours."""
        path = None if name is None else self._jobs.folder(id) / name
        if path is None or not path.is_file():
            raise HTTPException(404, "there is no such picture, or not yet")
        return Response(await self._run(path.read_bytes), media_type="image/png")

    async def _run(self, function: Callable[[], _T]) -> _T:
        """Runs what may take a while beside the event loop."""
        return await anyio.to_thread.run_sync(function, limiter=self._heavy)


def _there(job: Job | None) -> Job:
    if job is None:
        raise HTTPException(404, "there is no such job")
    return job
