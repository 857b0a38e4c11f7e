"""The page as a whole: its tabs."""

import gradio as gr

from zeroconv.serve.jobs import Jobs
from zeroconv.serve.models import Models
from zeroconv.serve.page.generate_tab import generate_tab
from zeroconv.serve.page.own import own
from zeroconv.serve.settings import Settings

_HEADER = (
    """<header class="zc-title"><h1>zeroconv</h1><p>Pictures from words, drawings, poses and photographs</p></header>"""
)


def make_blocks(jobs: Jobs, models: Models, settings: Settings) -> gr.Blocks:
    """The tabs for pictures, for the conditions of a folder and, where the server watches some, for training runs."""
    blocks = gr.Blocks(title="zeroconv", analytics_enabled=False)
    with blocks:
        gr.HTML(_HEADER, apply_default_css=False, js_on_load=None)
        with gr.Tabs():
            with gr.Tab("Generate"):
                generate_tab(blocks, jobs, models, settings)
            with gr.Tab("Folder"):
                own("startFolder")
            if settings.runs is not None:
                with gr.Tab("Training"):
                    own("startRuns")
    blocks.queue(default_concurrency_limit=None, api_open=False)
    return blocks
