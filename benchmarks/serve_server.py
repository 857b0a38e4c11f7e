"""A real server and its clients, for the measurements of `serve_load.py` and `serve_attacks.py`."""

import base64
import io
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any, Self

from PIL import Image, ImageDraw

STEPS = 12
_START = 300.0
"""Seconds in which the server must answer first."""
_ANSWER = 120.0
"""Seconds that an answer may take."""


class Server:
    """`zeroconv serve` in a process of its own, on a free port of this machine."""

    def __init__(self, data: Path, *flags: str) -> None:
        self.data, self.flags, self.port = data, flags, free_port()
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop(signal.SIGTERM)

    def start(self) -> None:
        """Returns when it answers."""
        command = [sys.executable, "-m", "zeroconv", "serve", "--port", str(self.port), "--data", str(self.data)]
        log = (self.data.parent / "server.log").open("ab")
        self.process = subprocess.Popen([*command, *self.flags], stdout=log, stderr=log)
        until = time.monotonic() + _START
        while time.monotonic() < until:
            if self.process.poll() is not None:
                raise SystemExit(f"the server ended with {self.process.returncode}: see {log.name}")
            try:
                if self.ask("GET", "/v1/models")[0] == 200:
                    return
            except OSError:
                time.sleep(0.1)
        raise SystemExit("the server does not answer")

    def stop(self, sign: signal.Signals) -> None:
        """Ends it."""
        assert self.process is not None
        self.process.send_signal(sign)
        self.process.wait(60)

    @property
    def resident(self) -> int:
        """Its bytes in memory (Linux)."""
        assert self.process is not None
        fields = Path(f"/proc/{self.process.pid}/statm").read_text().split()
        return int(fields[1]) * os.sysconf("SC_PAGESIZE")

    def ask(
        self, method: str, path: str, body: Any = None, *, client: str = "bench", key: str | None = None
    ) -> tuple[int, Any]:
        """(status, answer); what is no JSON comes as bytes."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json", "X-Client": client}
        headers |= {} if key is None else {"Idempotency-Key": key}
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=_ANSWER) as answer:
                status, content = answer.status, answer.read()
        except urllib.error.HTTPError as error:
            status, content = error.code, error.read()
        try:
            return status, json.loads(content)
        except ValueError:
            return status, content

    def submit(self, seed: int, client: str, pictures: int = 1, key: str | None = None) -> tuple[int, Any]:
        """Asks for controlled pictures of the embedded base; with a key as often as one likes."""
        return self.ask("POST", "/v1/generate", asked(seed, pictures), client=client, key=key)

    def wait(self, id: str, client: str, pause: float = 0.1) -> dict[str, Any]:
        """The job when it has ended; a server that is away is waited for."""
        while True:
            try:
                status, job = self.ask("GET", f"/v1/jobs/{id}", client=client)
            except OSError:
                time.sleep(pause)
                continue
            if status != 200:
                raise SystemExit(f"job {id}: {status} {job}")
            if job["status"] in ("done", "failed", "cancelled"):
                return dict(job)
            time.sleep(pause)


def asked(seed: int, pictures: int = 1) -> dict[str, Any]:
    """A request for controlled pictures."""
    control = {"condition": "canny", "image": drawing()}
    seeds = list(range(seed, seed + pictures))
    return {"prompt": "a red cone", "controls": [control], "seeds": seeds, "steps": STEPS, "size": [128, 128]}


def picture() -> Image.Image:
    """One with edges."""
    found = Image.new("RGB", (128, 128), "white")
    ImageDraw.Draw(found).polygon([(30, 100), (64, 20), (100, 100)], "red")
    return found


def drawing() -> str:
    """The picture as base64."""
    buffer = io.BytesIO()
    picture().save(buffer, format="PNG")
    return base64.b64encode(buffer.getvalue()).decode()


def free_port() -> int:
    """One that nobody listens at."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
