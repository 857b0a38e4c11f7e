"""What the boards ask of the service, below /page: condition images, files of jobs, requests as text, reports."""

import io
import re
import zipfile
from pathlib import Path
from typing import Any

import anyio.to_thread
from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, JSONResponse, Response
from starlette.types import Receive, Scope, Send

from zeroconv.errors import UserError
from zeroconv.request.record import alone_record
from zeroconv.serve.api.errors import error_response
from zeroconv.serve.jobs import Job, Jobs
from zeroconv.serve.models import Models
from zeroconv.serve.page import texts
from zeroconv.serve.page.catalogue import catalogue
from zeroconv.serve.page.figures import figures
from zeroconv.serve.page.preview import annotation, preview
from zeroconv.serve.page.restore import run_record
from zeroconv.serve.page.runs import Runs
from zeroconv.serve.page.start_check import check_start
from zeroconv.serve.settings import Settings

_NAME = re.compile(r"[A-Za-z0-9][\w-]{0,80}\.(png|json)", re.ASCII)
_AT_ONCE = 2
"""Condition images that are made side by side: the rest wait, so that pictures go on."""


def router(jobs: Jobs, models: Models, settings: Settings) -> APIRouter:
    """All of them."""
    made = APIRouter(prefix="/page", include_in_schema=False)
    _add_boards(made, models, settings)
    _add_jobs(made, jobs)
    _add_runs(made, Runs(settings.runs))
    return made


def _add_boards(made: APIRouter, models: Models, settings: Settings) -> None:
    limiter = anyio.CapacityLimiter(_AT_ONCE)
    offered = catalogue(models, settings)

    @made.get("/catalogue")
    async def what_there_is() -> JSONResponse:
        return JSONResponse(offered)

    @made.post("/preview")
    async def condition_of_a_run(request: Request) -> Response:
        given = await _object(request)
        return await _answer(lambda: preview(given, models, settings.limits), limiter)

    @made.post("/start")
    async def start_of_a_run(request: Request) -> Response:
        given = await _object(request)
        return await _answer(lambda: check_start(given, models, settings.limits), limiter)

    @made.post("/figures")
    async def figures_in_a_picture(request: Request) -> Response:
        given = await _object(request)
        return await _answer(lambda: figures(given, models, settings.limits), limiter)

    @made.post("/annotate")
    async def condition_of_a_picture(request: Request) -> Response:
        given = await _object(request)
        return await _answer(lambda: annotation(given, settings.limits), limiter)


def _add_jobs(made: APIRouter, jobs: Jobs) -> None:
    @made.get("/jobs/{id}/files/{name:path}")
    def file_of_a_job(id: str, name: str) -> Response:
        job = jobs.job(id)
        path = None if job is None else _file(jobs.folder(job.id), name)
        if path is None:
            return error_response(404, "there is no such file")
        return FileResponse(path, headers={"Cache-Control": "private, max-age=3600"})

    @made.get("/jobs/{id}/run.zip")
    def whole_run(id: str) -> Response:
        job = jobs.job(id)
        if job is None:
            return error_response(404, "there is no such job")
        headers = {"Content-Disposition": f'attachment; filename="zeroconv-{id[:8]}.zip"'}
        return Response(_zipped(jobs.folder(id)), media_type="application/zip", headers=headers)

    @made.get("/jobs/{id}/requests/{index}")
    def request_of_a_picture(id: str, index: int) -> Response:
        job = jobs.job(id)
        record = None if job is None else _record_of(jobs, job, index)
        if record is None:
            return error_response(404, "there is no such picture")
        return JSONResponse(
            {"command": texts.command(record), "python": texts.python(record), "json": texts.run_json(record)}
        )


def _add_runs(made: APIRouter, runs: Runs) -> None:
    limiter = anyio.CapacityLimiter(1)

    @made.get("/runs")
    async def training_runs() -> Response:
        return await _answer(lambda: {"runs": runs.names()}, limiter)

    @made.get("/runs/{name:path}")
    async def report_of_a_run(name: str) -> Response:
        return await _answer(lambda: {"report": runs.report(name)}, limiter)


class Door:
    """Of what Gradio's application answers only what this page needs: no uploads, no proxy, no files of the disk."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """404 for every other path."""
        path = str(scope.get("path", "")).removeprefix(str(scope.get("root_path", "")))
        if scope["type"] == "lifespan" or _OPEN.fullmatch(path):
            await self.app(scope, receive, send)
        elif scope["type"] == "http":
            await error_response(404, "there is nothing here")(scope, receive, send)


_OPEN = re.compile(
    r"/?|/(assets|static|svelte)/[\w./-]+|/(theme\.css|config|favicon\.ico|manifest\.json)"
    r"|/gradio_api/(queue/(join|data)|heartbeat/\w+|startup-events|theme\.css|cancel|reset|info|app_id)/?",
    re.ASCII,
)


async def _object(request: Request) -> dict[str, Any]:
    try:
        given = await request.json()
    except (ValueError, RecursionError):
        given = None
    return given if isinstance(given, dict) else {}


async def _answer(work: Any, limiter: anyio.CapacityLimiter) -> Response:
    try:
        return JSONResponse(await anyio.to_thread.run_sync(work, limiter=limiter))
    except UserError as error:
        return error_response(422, str(error))


def _file(folder: Path, name: str) -> Path | None:
    """A picture or record of a run by its name, in the folder or among its inputs."""
    inputs, _, last = name.rpartition("/")
    if inputs not in ("", "inputs") or not _NAME.fullmatch(last):
        return None
    path = folder / inputs / last
    return path if path.is_file() else None


def _record_of(jobs: Jobs, job: Job, index: int) -> dict[str, Any] | None:
    record = run_record(jobs, job)
    return alone_record(record, index) if 0 <= index < len(record["seeds"]) else None


def _zipped(folder: Path) -> bytes:
    """The run folder with its inputs, as a zip."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file() and not path.name.startswith("."):
                archive.write(path, path.relative_to(folder).as_posix())
    return file.getvalue()
