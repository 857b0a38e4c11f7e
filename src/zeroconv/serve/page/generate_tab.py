"""The tab that makes pictures: the form, the stack of controls, progress, results and what was made before."""

import typing
from dataclasses import dataclass
from typing import Any

import gradio as gr

from zeroconv.images import Fit
from zeroconv.request.prompt_mode import prompt_modes
from zeroconv.request.speed import Speed
from zeroconv.schedulers import scheduler_names
from zeroconv.serve.jobs import Jobs
from zeroconv.serve.models import Models
from zeroconv.serve.page.events import Events
from zeroconv.serve.page.form import OWN_SCHEDULER
from zeroconv.serve.page.own import own, shown
from zeroconv.serve.settings import Settings

_COLLECT = (
    "async (...fields) => [...fields.slice(0, -2), window.zeroconv?.loras?.toText() ?? '', "
    "(await window.zeroconv?.stack?.toText()) ?? '']"
)
"""LoRAs and stack are read when they are needed, not at every stroke; while they are not there yet, they are empty."""
_SET_BASE = "(name) => { window.zeroconv?.stack?.setBase(name); }"
_SET_STEPS = "(steps) => { window.zeroconv?.stack?.setSteps(steps); }"
_SET_FIT = "(fit) => { window.zeroconv?.stack?.setFit(fit); }"
_SIZE_OF_START = "() => window.zeroconv?.start?.ownSize ?? ''"
_SET_SIZE = "(size) => { window.zeroconv?.stack?.setSize(size ?? ''); }"
_PROMPT_MODES = {
    "plain": "plain cuts what the text encoder has no place for",
    "long": "long reads all of it",
    "weighted": "weighted knows (house)1.3 and tree++ as well",
}
_RANDOM = "() => String(Math.floor(Math.random() * 1e9))"


@dataclass(frozen=True)
class _Fields:
    """The form's components, in the order of Form."""

    prompt: gr.Textbox
    negative: gr.Textbox
    base: gr.Dropdown
    size: gr.Textbox
    steps: gr.Slider
    guidance: gr.Textbox
    scheduler: gr.Dropdown
    speed: gr.Radio
    fit: gr.Radio
    prompt_mode: gr.Radio
    seeds: gr.Textbox
    count: gr.Number
    loras: gr.HTML
    stack: gr.HTML

    def all(self) -> list[gr.components.Component]:
        """As inputs and outputs."""
        return list(vars(self).values())


def generate_tab(blocks: gr.Blocks, jobs: Jobs, models: Models, settings: Settings) -> None:
    """Its components and what they do."""
    events = Events(jobs, models, settings)
    with gr.Row(elem_classes="zc-columns"):
        with gr.Column(scale=5, min_width=300):
            fields, start = _form(models, settings)
        with gr.Column(scale=6, min_width=300):
            with gr.Row(elem_classes="zc-actions"):
                generate = gr.Button("Generate", variant="primary", elem_id="zc-generate")
                cancel = gr.Button("Cancel", interactive=False, elem_id="zc-cancel")
            progress = shown("startShown", elem_id="zc-progress")
            result = shown("startResult", events=["restore"], elem_id="zc-result")
            drop = own("startDrop", events=["dropped"])
            history = shown("startHistory", events=["open", "more"], elem_id="zc-history")
    running, count = gr.State(""), gr.State(0)
    outputs = [progress, result, history, count, running, cancel]
    quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
    generate.click(events.generate, fields.all(), outputs, js=_COLLECT, **quiet)
    cancel.click(events.cancel, running, cancel, **quiet)
    history.open(events.open, None, outputs, **quiet)
    history.more(events.more, count, [history, count], **quiet)
    result.restore(events.restore, None, [*fields.all(), progress], **quiet)
    drop.dropped(events.dropped, None, [*fields.all(), progress], **quiet)
    blocks.load(events.newest, None, [history, count], **quiet)
    start.sized(None, None, fields.size, js=_SIZE_OF_START)
    fields.steps.change(None, fields.steps, None, js=_SET_STEPS)
    fields.fit.change(None, fields.fit, None, js=_SET_FIT)
    fields.base.change(None, fields.base, None, js=_SET_BASE)
    fields.size.change(None, fields.size, None, js=_SET_SIZE)


def _form(models: Models, settings: Settings) -> tuple[_Fields, gr.HTML]:
    """The fields, and the place of the picture to start from, which can set the size."""
    limits = settings.limits
    prompt = gr.Textbox(
        label="Prompt", lines=2, placeholder="a red house under a blue sky", max_length=limits.characters
    )
    negative = gr.Textbox(label="Negative prompt", placeholder="what it should not show", max_length=limits.characters)
    stack = own("startStack", elem_id="zc-stack")
    start = own("startStart", events=["sized"], elem_id="zc-start")
    loras = own("startLoras", elem_id="zc-loras")
    with gr.Accordion("How it is made", open=False):
        names = list(models.bases())
        with gr.Row():
            base = gr.Dropdown(names, value=models.default_base, label="Base", min_width=140)
            size = gr.Textbox(label="Size", placeholder="automatic, or 512x768", max_lines=1, min_width=140)
        steps = gr.Slider(1, limits.steps, value=20, step=1, label="Steps")
        with gr.Row():
            guidance = gr.Textbox(label="Guidance", placeholder="the base's own", max_lines=1, min_width=140)
            schedulers = [OWN_SCHEDULER, *scheduler_names()]
            scheduler = gr.Dropdown(schedulers, value=OWN_SCHEDULER, label="Scheduler", min_width=140)
        speed = gr.Radio(
            list(typing.get_args(Speed)), value="exact", label="Speed", info="more speed, pictures that differ a little"
        )
        fit = gr.Radio(
            list(typing.get_args(Fit)), value="crop", label="Fit", info="what becomes of a picture of another shape"
        )
        modes = prompt_modes()
        about = ", ".join(_PROMPT_MODES[mode] for mode in modes)
        prompt_mode = gr.Radio(list(modes), value="plain", label="Prompts are read", info=about)
    with gr.Row(equal_height=True, elem_classes="zc-seeds"):
        seeds = gr.Textbox("0", label="Seeds", max_lines=1, placeholder="7 or 7/8/9", min_width=90)
        count = gr.Number(1, label="Pictures", precision=0, minimum=1, maximum=limits.pictures, min_width=90)
        random = gr.Button("New seed", size="sm", min_width=90, elem_id="zc-new-seed")
    random.click(None, None, seeds, js=_RANDOM)
    fields = _Fields(
        prompt, negative, base, size, steps, guidance, scheduler, speed, fit, prompt_mode, seeds, count, loras, stack
    )
    return fields, start
