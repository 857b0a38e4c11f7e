"""The application: the API, the login, what guards them; the webui's endpoints and the page are hung into it."""

from fastapi import FastAPI

import zeroconv
from zeroconv.serve.api import login, v1
from zeroconv.serve.api.errors import add_handlers
from zeroconv.serve.api.guard import Guard
from zeroconv.serve.jobs import Jobs
from zeroconv.serve.models import Models
from zeroconv.serve.settings import Settings

_ABOUT = """Pictures from prompts and condition images. A request is what `zeroconv generate` writes into run.json, with
pictures in place of their paths; a job is a run folder. Errors have one shape: {"error": {"code", "message",
"field"?}}."""


def make_app(settings: Settings, models: Models, jobs: Jobs) -> FastAPI:
    """Everything that one server answers."""
    app = FastAPI(
        title="zeroconv",
        version=zeroconv.__version__,
        description=_ABOUT,
        docs_url=None,  # its page loads scripts from elsewhere
        redoc_url=None,
        license_info={"name": "Apache-2.0"},
    )
    add_handlers(app)
    app.include_router(v1.router(settings, models, jobs))
    app.include_router(login.router(settings))
    app.add_middleware(Guard, settings=settings)
    return app
