"""Jobs as HTML: how far one is, what came of it beside its inputs and conditions, and those of before."""

import datetime
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from zeroconv.serve.jobs import Event, Job
from zeroconv.serve.page.catalogue import TITLES
from zeroconv.serve.page.pictures import file_address

_SHOWN = 60
"""Characters of a prompt in the history."""
_BEFORE = "<h2>Made before</h2>"
_TEMPLATE = str.maketrans({character: f"&#{ord(character)};" for character in "{}$`\\"})
"""The page's HTML passes through a template language, to which these mean something."""


def safe(text: object) -> str:
    """Any text as HTML that is nothing but text, also to templates."""
    return escape(str(text)).translate(_TEMPLATE)


def message(text: str, *, is_wrong: bool = False) -> str:
    """One sentence."""
    return (
        f'<p class="zc-note{" wrong" if is_wrong else ""}" role="{"alert" if is_wrong else "status"}">{safe(text)}</p>'
    )


def progress(event: Event, preview: bytes | None) -> str:
    """How far a job is, with the picture as it stands."""
    job = event.job
    share = job.steps_done / max(1, job.steps)
    bar = f'<progress max="1" value="{share:.3f}" aria-label="Progress">{share:.0%}</progress>'
    picture = (
        f'<img class="zc-preview" alt="The picture as it stands" src="{file_address(preview, "jpeg")}">'
        if preview
        else ""
    )
    return f'<div class="zc-progress" role="status"><span>{safe(_state(job))}</span>{bar}{picture}</div>'


def result(job: Job, record: Mapping[str, Any]) -> str:
    """A job that has ended: inputs, conditions, pictures, each with its request."""
    if not job.pictures:
        return message(_state(job), is_wrong=job.status == "failed")
    controls = "".join(_control(job, control, index) for index, control in enumerate(record["controls"]))
    pictures = "".join(_picture(job, name, record) for name in job.pictures)
    shown = _start(job, record) + controls
    strip = f'<div class="zc-strip">{shown}</div>' if shown else ""
    return (
        f'<article class="zc-job" data-job="{safe(job.id)}" aria-label="Result">'
        f'<header><p>{safe(_state(job))}</p><div class="zc-tools">'
        f'<button type="button" class="zc-button" data-act="restore">Back into the form</button>'
        f'<a class="zc-button" href="page/jobs/{safe(job.id)}/run.zip" download>Download all</a></div></header>'
        f'<p class="zc-prompt">{safe(_prompt(record) or "no prompt")}</p>{_remarks(job, record)}{strip}'
        f'<div class="zc-pictures">{pictures}</div></article>'
    )


def history(jobs: Sequence[Job], *, has_more: bool) -> str:
    """Earlier jobs, the newest first; each opens."""
    if not jobs:
        return f'{_BEFORE}<p class="zc-soft">Nothing has been made yet.</p>'
    items = "".join(_item(job) for job in jobs)
    more = f'<button type="button" class="zc-button" data-act="more" data-job="{safe(jobs[-1].id)}">Show more</button>'
    return f'{_BEFORE}<ul class="zc-history">{items}</ul>{more if has_more else ""}'


def _item(job: Job) -> str:
    prompt = safe(_prompt(job.record)[:_SHOWN] or "no prompt")
    made = datetime.datetime.fromtimestamp(job.created).strftime("%d %b %H:%M")
    first = (
        f'<img loading="lazy" alt="" src="page/jobs/{safe(job.id)}/files/{safe(job.pictures[0])}">'
        if job.pictures
        else '<span class="zc-none" aria-hidden="true">-</span>'
    )
    state = "" if job.status == "done" else f" · {job.status}"
    return (
        f'<li><button type="button" class="zc-item" data-act="open" data-job="{safe(job.id)}">{first}'
        f"<span>{prompt}</span><small>{made}{state}</small></button></li>"
    )


def _remarks(job: Job, record: Mapping[str, Any]) -> str:
    """Its LoRAs, and what was decided about it."""
    loras = [f"LoRA {lora['file']}, strength {lora['strength']:g}" for lora in record.get("loras") or ()]
    items = "".join(f"<li>{safe(text[:1].upper() + text[1:])}</li>" for text in (*loras, *job.notes))
    return f'<ul class="zc-notes" aria-label="About it">{items}</ul>' if items else ""


def _start(job: Job, record: Mapping[str, Any]) -> str:
    """The picture that the run started from and its mask, as the run read them."""
    files = ((record.get("image_copy"), "Starting picture"), (record.get("mask_copy"), "Mask"))
    place = f"page/jobs/{safe(job.id)}/files"
    return "".join(_figure(f"{place}/{safe(file)}", title, f"start-{title}") for file, title in files if file)


def _control(job: Job, control: Mapping[str, Any], index: int) -> str:
    """The input and its condition image; the same twice is shown once."""
    title, place = TITLES.get(control["condition"], control["condition"]), f"page/jobs/{safe(job.id)}/files"
    given = "" if control.get("ready") else _figure(f"{place}/{safe(control['image'])}", "Input", f"{index}-input")
    made = control.get("condition_image")
    return given + (_figure(f"{place}/{safe(made)}", title, f"{index}-condition") if made else "")


def _figure(address: str, title: str, role: str) -> str:
    return (
        f'<figure><img src="{address}" alt="{safe(title)}" data-role="{role}" loading="lazy">'
        f"<figcaption>{safe(title)}</figcaption></figure>"
    )


def _picture(job: Job, name: str, record: Mapping[str, Any]) -> str:
    index = int(name.partition(".")[0])
    seed, address = record["seeds"][index], f"page/jobs/{safe(job.id)}/files/{safe(name)}"
    compare = (
        _button("compare", "Compare", f"Compare the picture of seed {seed} with its inputs")
        if record["controls"] or record.get("image_copy")
        else ""
    )
    return (
        f'<figure data-index="{index}"><img src="{address}" alt="Picture of seed {seed}: {safe(_prompt(record))}">'
        f'<figcaption><span>seed {seed}</span><span class="zc-tools">'
        f"{_button('request', 'Request', f'The request of the picture of seed {seed}')}{compare}"
        f"{_button('start', 'Start from this', f'Start from the picture of seed {seed}')}"
        f'<a class="zc-button" href="{address}" download="zeroconv-{safe(job.id[:6])}-{seed}.png" '
        f'aria-label="Download the picture of seed {seed}">Download</a></span></figcaption></figure>'
    )


def _button(act: str, text: str, label: str) -> str:
    return f'<button type="button" class="zc-button" data-act="{act}" aria-label="{safe(label)}">{text}</button>'


def _prompt(record: Mapping[str, Any]) -> str:
    prompt = record.get("prompt", "")
    return prompt if isinstance(prompt, str) else str(next(iter(prompt), ""))


def _state(job: Job) -> str:
    if job.status == "queued":
        before = job.position or 0
        return "Next in the queue" if before == 0 else f"In the queue, {before} before it"
    if job.status == "running":
        return f"Step {job.steps_done} of {job.steps}"
    if job.status == "failed":
        return f"It failed: {job.error}"
    made = f"{len(job.pictures)} picture{'s' * (len(job.pictures) != 1)}"
    seconds = f" in {job.ended - job.began:.1f} s" if job.ended and job.began else ""
    return f"{made}{seconds}" if job.status == "done" else f"Cancelled; {made} finished"
