"""webui's addresses, /sdapi/v1 and /controlnet, over the same jobs as /v1 and the page.

Shapes as AUTOMATIC1111's API and sd-webui-controlnet's have them, so that their clients need no change. A request
waits until its picture is there, as webui's does; it becomes a job like any other, in the same queue and history.
"""

import asyncio
import io
from collections.abc import Callable
from typing import Any, TypeVar

import anyio
import anyio.to_thread
from fastapi import APIRouter, Request
from PIL import Image

from zeroconv.errors import UserError
from zeroconv.serve.api.errors import documented
from zeroconv.serve.api.uploads import picture
from zeroconv.serve.jobs import ENDED, Job, Jobs, QueueFull
from zeroconv.serve.models import Models
from zeroconv.serve.settings import Settings
from zeroconv.serve.webui import catalogue
from zeroconv.serve.webui.answers import answer, encoded
from zeroconv.serve.webui.chosen import Chosen
from zeroconv.serve.webui.detection import detect
from zeroconv.serve.webui.errors import ErrorAnswer, WebuiRoute
from zeroconv.serve.webui.fields import check_settings
from zeroconv.serve.webui.networks import lora_list
from zeroconv.serve.webui.progress import progress
from zeroconv.serve.webui.schema import Answer, Detect, Detected, Img2Img, PngInfo, PngInfoAnswer, Progress, Txt2Img
from zeroconv.serve.webui.texts import texts_of
from zeroconv.serve.webui.translation import Order, base_named, translate
from zeroconv.serve.webui.units import Read

_FIRST_LOOK, _LONGEST_LOOK = 0.02, 0.5
"""Seconds between two looks at a job that is waited for."""
_AT_ONCE = 4
"""Requests that are unpacked, checked or answered at once; the others wait."""
_DETECTIONS = 16
"""Requests for condition images that may wait to be made; they are made one at a time, beside the jobs."""
_ALWAYS = "What clients ask for when they start; always the same here."
_T = TypeVar("_T")


def router(jobs: Jobs, models: Models, settings: Settings) -> APIRouter:
    """webui's addresses over these jobs and models."""
    own: dict[int | str, dict[str, Any]] = {status: {"model": ErrorAnswer} for status in (400, 422, 429)}
    refusals = {**documented(401, 403, 408, 413, 421), **own}
    made, chosen = APIRouter(tags=["webui"], route_class=WebuiRoute, responses=refusals), Chosen(models.default_base)

    def read(sent: str, of: str) -> Image.Image:
        return picture(sent, {}, settings.limits, of)

    _add_pictures(made, jobs, models, settings, chosen, read)
    _add_state(made, jobs, models, chosen)
    _add_lists(made, models)
    _add_controlnet(made, models, settings, read)
    return made


def _add_pictures(made: APIRouter, jobs: Jobs, models: Models, settings: Settings, chosen: Chosen, read: Read) -> None:
    """What makes pictures, and what reads them."""

    heavy = anyio.CapacityLimiter(_AT_ONCE)

    async def run(asked: Txt2Img, http: Request) -> Answer:
        client = client_of(http)
        base = chosen.base(client)

        def submit() -> tuple[Order, Job]:
            order = translate(asked, models, settings.limits, read, base=base)
            return order, jobs.submit(order.request, base=order.base, client=client)

        order, job = await _beside(submit, heavy)
        job = await _ended(jobs, job)
        if job.status == "failed":
            raise UserError(job.error or "the job failed")
        return await _beside(lambda: answer(asked, order, job, jobs.folder(job.id)), heavy)

    @made.post("/sdapi/v1/txt2img")
    async def txt2img(asked: Txt2Img, http: Request) -> Answer:
        """Pictures from words, under control where `alwayson_scripts` has units of ControlNet."""
        return await run(asked, http)

    @made.post("/sdapi/v1/img2img")
    async def img2img(asked: Img2Img, http: Request) -> Answer:
        """Pictures from another one, with a mask only where it is white."""
        return await run(asked, http)

    @made.post("/sdapi/v1/png-info")
    def png_info(asked: PngInfo) -> PngInfoAnswer:
        """The parameters written into a PNG."""
        read(asked.image, "image")  # judged before it is unpacked
        items = texts_of(asked.image)
        return PngInfoAnswer(info=items.get("parameters", ""), items=items, parameters={})


async def _beside(function: Callable[[], _T], limiter: anyio.CapacityLimiter) -> _T:
    """Runs what may take a while beside the event loop."""
    return await anyio.to_thread.run_sync(function, limiter=limiter)


async def _ended(jobs: Jobs, job: Job) -> Job:
    """The job when it has ended; whoever waits holds no thread."""
    pause, id = _FIRST_LOOK, job.id
    while job.status not in ENDED:
        await asyncio.sleep(pause)
        pause = min(_LONGEST_LOOK, pause * 1.5)
        found = await anyio.to_thread.run_sync(jobs.job, id)
        job = found or job
    return job


def _add_state(made: APIRouter, jobs: Jobs, models: Models, chosen: Chosen) -> None:
    """How far a client's pictures are, and which base it has chosen."""

    def active(client: str) -> list[Job]:
        return [job for job in jobs.history(client=client) if job.status not in ENDED]

    @made.get("/sdapi/v1/progress")
    def how_far(http: Request) -> Progress:
        """How far this client's own pictures are."""
        return progress(active(client_of(http)))

    @made.post("/sdapi/v1/interrupt")
    def interrupt(http: Request) -> dict[str, Any]:
        """Cancels this client's own jobs."""
        for job in active(client_of(http)):
            jobs.cancel(job.id)
        return {}

    @made.get("/sdapi/v1/options")
    def options(http: Request) -> dict[str, Any]:
        """The settings as they are for this client."""
        return catalogue.options(chosen.base(client_of(http)))

    @made.post("/sdapi/v1/options")
    def set_options(http: Request, given: dict[str, Any]) -> None:
        """Chooses the base for this client's next pictures: sd_model_checkpoint."""
        check_settings(given)
        base = base_named(given.get("sd_model_checkpoint"), models)
        if base is not None:
            chosen.choose(client_of(http), base)


def _add_lists(made: APIRouter, models: Models) -> None:
    """What clients ask for when they start."""

    @made.get("/sdapi/v1/sd-models")
    def sd_models() -> list[dict[str, Any]]:
        """The bases."""
        return catalogue.sd_models(models)

    @made.get("/sdapi/v1/samplers")
    def samplers() -> list[dict[str, Any]]:
        """The samplers."""
        return catalogue.samplers()

    @made.get("/sdapi/v1/schedulers")
    def schedulers() -> list[dict[str, Any]]:
        """The noise levels."""
        return catalogue.schedulers()

    @made.get("/sdapi/v1/loras")
    def loras() -> list[dict[str, Any]]:
        """The LoRAs, which prompts name as <lora:NAME:0.8>."""
        return lora_list(models)

    @made.get("/sdapi/v1/script-info")
    def script_info() -> list[dict[str, Any]]:
        """ControlNet, as the one script there is."""
        return catalogue.script_info()

    for name, always in catalogue.NOTHING.items():
        made.add_api_route(f"/sdapi/v1/{name}", _constant(always), methods=["GET"], name=name, description=_ALWAYS)
    for name in ("refresh-checkpoints", "refresh-loras", "refresh-vae"):
        made.add_api_route(f"/sdapi/v1/{name}", _constant(None), methods=["POST"], name=name, description=_ALWAYS)


def _constant(value: Any) -> Any:
    """An endpoint that always answers the same."""

    def constant() -> Any:
        return value

    return constant


def _add_controlnet(made: APIRouter, models: Models, settings: Settings, read: Read) -> None:
    """The addresses of sd-webui-controlnet."""
    turn = anyio.CapacityLimiter(1)

    @made.post("/controlnet/detect")
    async def detected(asked: Detect) -> Detected:
        """Pictures into condition images."""
        if turn.statistics().tasks_waiting >= _DETECTIONS:
            raise QueueFull(_DETECTIONS, "many condition images are being made; come again later")
        images = await _beside(lambda: detect(asked, models, settings.limits, read), turn)
        return Detected(images=[_png(image) for image in images], info="Success")

    @made.get("/controlnet/version")
    def version() -> dict[str, int]:
        """Of the addresses, as sd-webui-controlnet counts it."""
        return {"version": 3}

    @made.get("/controlnet/settings")
    def controlnet_settings() -> dict[str, int]:
        """How many units a request may have."""
        return {"control_net_unit_count": settings.limits.controls}

    @made.get("/controlnet/model_list")
    def model_list() -> dict[str, list[str]]:
        """The ControlNets."""
        return {"model_list": [*models.controlnets()]}

    @made.get("/controlnet/module_list")
    def module_list(alias_names: bool = False) -> dict[str, Any]:
        """The preprocessors and their sliders."""
        return catalogue.module_list(alias=alias_names)

    @made.get("/controlnet/control_types")
    def control_types() -> dict[str, Any]:
        """The preprocessors and ControlNets of each kind of control."""
        return {"control_types": catalogue.control_types(models)}


def client_of(http: Request) -> str:
    """Who asks, as the guard has found."""
    return str(http.state.client)


def _png(image: Image.Image) -> str:
    buffer = io.BytesIO()
    image.save(buffer, format="PNG")
    return encoded(buffer.getvalue())
