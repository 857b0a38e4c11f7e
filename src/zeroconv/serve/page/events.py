"""What happens when something on the page is pressed: jobs are submitted, watched, cancelled, shown and restored."""

import json
import secrets
from collections.abc import AsyncIterator, Callable
from typing import Any, TypeVar

import anyio
import anyio.to_thread
import gradio as gr

from zeroconv.errors import UserError
from zeroconv.serve.jobs import ENDED, Event, Job, Jobs, QueueFull
from zeroconv.serve.jobs.sentences import without_paths
from zeroconv.serve.models import Models
from zeroconv.serve.page import results
from zeroconv.serve.page.form import Form, request_of
from zeroconv.serve.page.loras import restored_loras
from zeroconv.serve.page.restore import Restored, from_job, from_text, run_record
from zeroconv.serve.settings import Settings

_AT_ONCE = 24
"""Earlier jobs shown at once."""
_WATCHERS = 512
"""Browsers that may watch a job at once."""
_LONGEST = 200_000
"""Characters of a dropped picture's request."""

_T = TypeVar("_T")
Values = list[Any]
"""One for each output, in order."""


class Events:
    """Thin over jobs; nothing here blocks the event loop."""

    def __init__(self, jobs: Jobs, models: Models, settings: Settings) -> None:
        self.jobs, self.models, self.settings, self.limits = jobs, models, settings, settings.limits
        self.watchers: anyio.CapacityLimiter | None = None

    async def generate(self, request: gr.Request, *fields: Any) -> AsyncIterator[Values]:
        """The form as a job, and how it goes, until it has ended. Gradio gives the request; fields: those of Form."""
        form = Form(*fields)
        owner = self._owner(request)
        client = owner or f"page {request.session_hash}"
        try:
            job = await self._in_thread(lambda: self._submit(form, client))
        except UserError as error:
            yield self._only(results.message(f"{_sentence(error)}", is_wrong=True))
            return
        except QueueFull as full:
            text = f"{_sentence(full)} (in about {full.retry_after:.0f} s)"
            yield self._only(results.message(text, is_wrong=True))
            return
        async for update in self._follow(job.id, owner):
            yield update

    async def open(self, data: gr.EventData, request: gr.Request) -> AsyncIterator[Values]:
        """An earlier job, or one that still runs."""
        async for update in self._follow(str(data._data.get("job", "")), self._owner(request)):
            yield update

    async def cancel(self, running: str) -> Any:
        """Ends the job that is watched."""
        if running:
            await self._in_thread(lambda: self.jobs.cancel(running))
        return gr.update(interactive=False)

    def newest(self, request: gr.Request) -> tuple[str, int]:
        """The latest jobs as HTML, and how many are shown."""
        return self._history(_AT_ONCE, self._owner(request))

    def more(self, count: int, request: gr.Request) -> tuple[str, int]:
        """Those that are shown and as many more."""
        return self._history(count + _AT_ONCE, self._owner(request))

    def restore(self, data: gr.EventData) -> Values:
        """A job's request, or one of its pictures', into the form."""
        return self._restored(lambda: from_job(self.jobs, str(data._data.get("job", "")), data._data.get("index")))

    def dropped(self, data: gr.EventData, request: gr.Request) -> Values:
        """The request in a picture that was dropped on the page, into the form."""
        text = data._data.get("text")
        if not isinstance(text, str) or len(text) > _LONGEST:
            return self._unchanged("This picture holds no request: it was not made by zeroconv.")
        return self._restored(lambda: from_text(self.jobs, text, self._owner(request)))

    # Helpers

    def _submit(self, form: Form, client: str) -> Job:
        request = request_of(form, self.models, self.limits)
        return self.jobs.submit(request, base=form.base, client=client)

    async def _follow(self, id: str, owner: str | None) -> AsyncIterator[Values]:
        """Progress of a job while it goes on, then its result."""
        preview: bytes | None = None
        news = self.jobs.watch(id)
        job: Job | None = None
        while (event := await self._in_thread(lambda: _next(news))) is not None:
            job, preview = event.job, event.preview or preview
            if job.status in ENDED:
                break
            yield [results.progress(event, preview), gr.skip(), gr.skip(), gr.skip(), id, gr.update(interactive=True)]
        if job is None:
            yield self._only(results.message("This job is no longer here.", is_wrong=True))
            return
        html, count = await self._in_thread(lambda: self._history(_AT_ONCE, owner))
        yield ["", results.result(job, run_record(self.jobs, job)), html, count, "", gr.update(interactive=False)]

    def _history(self, count: int, owner: str | None) -> tuple[str, int]:
        jobs = self.jobs.history(limit=count + 1, client=owner)
        return results.history(jobs[:count], has_more=len(jobs) > count), min(count, len(jobs))

    def _owner(self, request: gr.Request) -> str | None:
        """Whose jobs are shown: the token's; without tokens there is one person, and all is theirs."""
        return str(request.state.client) if self.settings.tokens else None

    def _restored(self, find: Callable[[], Restored]) -> Values:
        try:
            found = find()
        except UserError as error:
            return self._unchanged(_sentence(error))
        fields = dict(found.fields)
        fields["loras"], missing = restored_loras(fields["loras"], self.models)
        notes = [f"{note[:1].upper()}{note[1:]}." for note in (*found.notes, *missing)]
        if fields["base"] not in self.models.bases():
            notes.append(f"The base {fields['base']} is not offered here.")
            fields["base"] = self.models.default_base
        boards = {
            "controls": found.controls,
            "start": found.start,
            **{name: fields[name] for name in ("base", "size", "fit")},
        }
        stack = json.dumps({**boards, "nonce": secrets.token_hex(4)})
        names = [name for name in Form.__dataclass_fields__ if name != "stack"]
        said = results.message(" ".join(["The request is in the form.", *notes]))
        return [*(fields[name] for name in names), stack, said]

    def _unchanged(self, sentence: str) -> Values:
        return [*(gr.skip() for _ in Form.__dataclass_fields__), results.message(sentence, is_wrong=True)]

    def _only(self, message: str) -> Values:
        """A sentence in place of progress; all else stays."""
        return [message, *(gr.skip() for _ in range(3)), "", gr.update(interactive=False)]

    async def _in_thread(self, work: Callable[[], _T]) -> _T:
        if self.watchers is None:
            self.watchers = anyio.CapacityLimiter(_WATCHERS)
        return await anyio.to_thread.run_sync(work, limiter=self.watchers)


def _next(news: Any) -> Event | None:
    found: Event | None = next(news, None)
    return found


def _sentence(error: Exception) -> str:
    text = without_paths(str(error))
    return f"{text[:1].upper()}{text[1:]}"
