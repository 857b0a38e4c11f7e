"""Everything that one server answers: the API, webui's addresses, and what guards them."""

from fastapi import FastAPI

from zeroconv.serve import webui
from zeroconv.serve.api import make_app
from zeroconv.serve.jobs import Jobs
from zeroconv.serve.models import Models
from zeroconv.serve.settings import Settings


def whole_app(settings: Settings, models: Models, jobs: Jobs) -> FastAPI:
    """The application over these jobs and models."""
    app = make_app(settings, models, jobs)
    app.include_router(webui.router(jobs, models, settings))
    return app
