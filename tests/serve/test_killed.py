"""A server that is killed under load: nothing it accepted is lost, and nothing is done twice."""

import os
import signal
import sqlite3
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from serving import Served, base64_of, body, drawing

from zeroconv.generate import ControlRequest, Request, generate
from zeroconv.serve.models import Models


def asked(client: int, at: int) -> dict[str, Any]:
    control = {"condition": "canny", "image": base64_of(drawing(client + at)), "ready": True}
    return body(f"a red house {client}", controls=[control], seeds=[10 * client + at, 1, 2], steps=3)


def finished(data: Path) -> dict[Path, int]:
    """Every picture that lies in a job's folder, and when it was written."""
    return {path: path.stat().st_mtime_ns for path in data.glob("jobs/*/0*.png")}


def test_killed_under_load(tmp_path: Path, models: Models) -> None:
    data = tmp_path / "data"
    accepted: dict[str, tuple[int, int]] = {}
    with Served(data, "--max-batch", "2") as server:
        for at in range(2):
            for client in range(3):
                accepted[server.submit(asked(client, at), **{"X-Client": str(client)})["id"]] = (client, at)
        until = time.monotonic() + 60
        while len(finished(data)) < 3 and time.monotonic() < until:
            time.sleep(0.02)
        os.kill(server.process.pid, signal.SIGKILL)
        server.process.wait()
    before = finished(data)
    assert 3 <= len(before) < 18, "killed in the middle"
    with Served(data) as server:
        jobs = {id: server.ended(id) for id in accepted}
        assert len(server.http.get("/v1/jobs", headers={"X-Client": "0"}).json()["jobs"]) == 2
    assert {job["status"] for job in jobs.values()} == {"done"}
    assert all(len(job["links"]["pictures"]) == 3 for job in jobs.values())
    after = finished(data)
    assert len(after) == 18 and {path: after[path] for path in before} == before, "what was finished was not made again"
    for id in list(accepted)[::5]:
        client, at = accepted[id]
        control = ControlRequest("canny", drawing(client + at), ready=True)
        seeds = (10 * client + at, 1, 2)
        request = Request(f"a red house {client}", (control,), steps=3, size=(64, 64), seeds=seeds)
        for index, image in enumerate(generate(models.base("tiny"), request)):
            made = Image.open(data / "jobs" / id / f"{index:04d}.png")
            assert np.abs(np.subtract(np.asarray(made, np.int16), np.asarray(image, np.int16))).max() <= 1


@pytest.mark.parametrize(
    "number",
    [pytest.param(signal.SIGTERM, id="SIGTERM"), pytest.param(signal.SIGINT, id="Ctrl-C", marks=pytest.mark.slow)],
)
def test_told_to_end(tmp_path: Path, number: signal.Signals) -> None:
    data = tmp_path / "data"
    with Served(data) as server:
        job = server.submit(body(steps=150, seeds=list(range(32))))
        waits = server.submit(body())
        with server.http.stream("GET", f"/v1/jobs/{job['id']}/events") as stream:
            next(stream.iter_lines())
            began = time.monotonic()
            os.kill(server.process.pid, number)
            assert server.process.wait(30) == 0
        assert time.monotonic() - began < 20
        assert server.process.stdout is not None
        said = server.process.stdout.read()
        assert "has ended" in said and "Traceback" not in said and "ERROR" not in said, said
    rows = sqlite3.connect(data / "jobs.sqlite3")
    left = dict(rows.execute("SELECT id, status FROM jobs").fetchall())
    rows.close()
    assert left == {job["id"]: "queued", waits["id"]: "queued"}
