"""Parts of the page that are our own JavaScript, as Gradio components."""

import json
from collections.abc import Sequence
from typing import Any

import gradio as gr

_LOAD = """
const events = EVENTS;
import(new URL("page/static/page.js", document.baseURI).href)
  .then((page) => page.START(element.querySelector(".zc-root"), { trigger, props, watch, events }))
  .catch((error) => console.error(error));
"""


def own(start: str, *, events: Sequence[str] = (), **component: Any) -> gr.HTML:
    """A place that `start` of static/page.js fills; it may trigger `events`, and reads what Python puts into value."""
    return gr.HTML(
        value="",
        html_template='<div class="zc-root"></div>',
        js_on_load=_LOAD.replace("EVENTS", json.dumps(list(events))).replace("START", start),
        apply_default_css=False,
        elem_classes="zc-own",
        **component,
    )


def shown(start: str, content: str = "", *, events: Sequence[str] = (), **component: Any) -> gr.HTML:
    """HTML that Python writes and `start` of static/page.js listens to."""
    return gr.HTML(
        value=content,
        html_template='<div class="zc-root">${value}</div>',
        js_on_load=_LOAD.replace("EVENTS", json.dumps(list(events))).replace("START", start),
        apply_default_css=False,
        elem_classes="zc-own",
        **component,
    )
