"""A server as people start it: a process of its own, on a port that is free."""

import base64
import io
import os
import re
import select
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx
from PIL import Image, ImageDraw

ENDED = ("done", "failed", "cancelled")
_STARTS = 120.0
"""Seconds: on a machine that does other things, importing torch alone may take twenty."""


class Served:
    """`zeroconv serve` on a data folder."""

    def __init__(self, data: Path, *flags: str, environment: dict[str, str] | None = None) -> None:
        command = [
            sys.executable,
            "-m",
            "zeroconv",
            "serve",
            "--port",
            "0",
            "--data",
            str(data),
            "--dtype",
            "float32",
            *flags,
        ]
        own = {"OMP_NUM_THREADS": "1", **(environment or {})}
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env={**os.environ, **own}
        )
        self.url = self._address()
        self.http = httpx.Client(base_url=self.url, timeout=60)

    def _address(self) -> str:
        output = self.process.stdout
        assert output is not None
        until, said = time.monotonic() + _STARTS, ""
        while time.monotonic() < until and self.process.poll() is None:
            if select.select([output], [], [], 1)[0]:
                said += output.readline()
            if found := re.search(r"serves at (\S+)", said):
                return found[1]
        self.process.kill()
        raise AssertionError(f"the server did not start: {said}{self.process.communicate()[0]}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.http.close()
        self.process.kill()
        self.process.communicate()

    def submit(self, body: dict[str, Any], **headers: str) -> dict[str, Any]:
        """An accepted job."""
        answer = self.http.post("/v1/generate", json=body, headers=headers)
        assert answer.status_code == 202, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def ended(self, id: str, seconds: float = 120) -> dict[str, Any]:
        """A job when it has ended."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            job: dict[str, Any] = self.http.get(f"/v1/jobs/{id}").json()
            if job["status"] in ENDED:
                return job
            time.sleep(0.1)
        raise AssertionError(f"the job has not ended: {job}")


def drawing(shift: int = 0, size: tuple[int, int] = (64, 64)) -> Image.Image:
    """A white frame on black."""
    image = Image.new("RGB", size)
    ImageDraw.Draw(image).rectangle((8 + shift, 8, 40 + shift, 40), outline="white")
    return image


def base64_of(image: Image.Image, format: str = "PNG") -> str:
    file = io.BytesIO()
    image.save(file, format=format)
    return base64.b64encode(file.getvalue()).decode()


def body(prompt: str = "a red house", **changes: Any) -> dict[str, Any]:
    """A small request: one picture of 64x64 under one control, in two steps."""
    control = {"condition": "canny", "image": base64_of(drawing()), "ready": True}
    return {"prompt": prompt, "steps": 2, "size": [64, 64], "controls": [control], **changes}
