"""The page in the service's application: its own routes, its files, and Gradio behind a door."""

import os
from pathlib import Path

from fastapi import FastAPI
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

from zeroconv.serve.jobs import Jobs
from zeroconv.serve.models import Models
from zeroconv.serve.page.routes import Door, router
from zeroconv.serve.settings import Settings

STATIC = Path(__file__).parent / "static"

_QUIET = {
    "GRADIO_ANALYTICS_ENABLED": "False",
    "GRADIO_ANALYTICS_MAX_EVENTS": "1",
    "GRADIO_ANALYTICS_CACHE_FREQUENCY": "1000000000",
}
"""Nothing is reported to anybody, and no table of all events is made again at each."""


def mount(app: FastAPI, jobs: Jobs, models: Models, settings: Settings) -> FastAPI:
    """The same application with the page at /; whatever else is served must be there before."""
    os.environ.update(_QUIET)  # read when Gradio is imported and when its queue is made
    import gradio as gr

    from zeroconv.serve.page.blocks import make_blocks
    from zeroconv.serve.page.look import HEAD, theme

    app.include_router(router(jobs, models, settings))
    app.mount("/page/static", StaticFiles(directory=STATIC))
    gr.mount_gradio_app(
        app,
        make_blocks(jobs, models, settings),
        path="/",
        footer_links=[],
        run_history=False,
        show_error=False,
        ssr_mode=False,
        pwa=False,
        mcp_server=False,
        max_file_size=0,
        theme=theme(),
        head=HEAD,
    )
    gradio_mount = app.router.routes[-1]
    assert isinstance(gradio_mount, Mount)
    gradio_mount.app = Door(gradio_mount.app)
    return app
