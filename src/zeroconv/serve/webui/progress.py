"""How far a client's pictures are, in webui's shape; each client hears of its own jobs alone."""

import time
from collections.abc import Sequence
from typing import Any

from zeroconv.serve.jobs import Job
from zeroconv.serve.webui.schema import Progress


def progress(active: Sequence[Job]) -> Progress:
    """Of the jobs of one client that have not ended, the one that is worked at, else the first of those that wait."""
    if not active:
        return Progress(progress=0.0, eta_relative=0.0, state=_state(None, 0))
    job = next((job for job in reversed(active) if job.status == "running"), active[-1])
    share = min(1.0, job.steps_done / max(1, job.steps))
    spent = time.time() - (job.began or time.time())
    left = spent * (1 - share) / share if share else 0.0
    waits = f"in the queue, {job.position} before it" if job.status == "queued" and job.position is not None else None
    return Progress(
        progress=max(share, 0.01),  # webui's clients take 0 for nothing going on
        eta_relative=left,
        state=_state(job, len(active)),
        textinfo=waits,
    )


def _state(job: Job | None, count: int) -> dict[str, Any]:
    pictures = len(job.record["seeds"]) if job else 0
    steps = job.steps // max(1, pictures) if job else 0
    stamp = time.strftime("%Y%m%d%H%M%S", time.gmtime(job.created if job else 0))
    return {
        "skipped": False,
        "interrupted": False,
        "stopping_generation": False,
        "job": job.id if job else "",
        "job_count": count,
        "job_timestamp": stamp,
        "job_no": 0,
        "sampling_step": job.steps_done // max(1, pictures) if job else 0,
        "sampling_steps": steps,
    }
