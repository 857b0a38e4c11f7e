"""Requests for jobs, and what has become of them."""

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from serving import drawing

from zeroconv.generate import ControlRequest, Request
from zeroconv.images import read_image
from zeroconv.serve.jobs import ENDED, Job, Jobs

MakeJobs = Callable[..., Jobs]


def request(prompt: str = "a red house", shift: int = 0, **changes: Any) -> Request:
    control = ControlRequest("canny", drawing(shift), ready=True)
    return replace(Request(prompt, (control,), steps=2, size=(64, 64)), **changes)


def ended(jobs: Jobs, id: str) -> Job:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        job = jobs.job(id)
        assert job is not None
        if job.status in ENDED:
            return job
        time.sleep(0.02)
    raise AssertionError(f"not ended: {job}")


def difference(one: Path, other: Image.Image) -> int:
    pixels = (np.asarray(image, dtype=np.int16) for image in (read_image(one), other))
    return int(np.abs(np.subtract(*pixels)).max())
