"""The application on Ray Serve with two replicas and two owners, of which one is killed under load."""

import io
import json
import os
import signal
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from sent_pictures import decoded, encoded, house
from whole_server import free_port
from zeroconv.serve.settings import Settings

ray = pytest.importorskip("ray", reason="needs Ray: pip install 'zeroconv[serve-ray]'")
pytest.importorskip("ray.serve", reason="needs Ray Serve: pip install 'zeroconv[serve-ray]'")

from zeroconv.serve.scale.deployment import Scaled, start  # noqa: E402
from zeroconv.serve.scale.owner import Offer  # noqa: E402

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]  # Ray warns of much


@pytest.fixture(scope="module")
def scaled(tmp_path_factory: pytest.TempPathFactory, lora_files: dict[str, Path]) -> Iterator[Scaled]:
    pytest.importorskip("peft", reason="LoRAs need peft: pip install 'zeroconv[lora]'")
    settings = Settings(tmp_path_factory.mktemp("data"), port=free_port())
    loras = {name: str(file) for name, file in lora_files.items()}
    found = start(settings, Offer({"tiny": "tiny"}, {}, "cpu", torch.float32, loras), 2)
    yield found
    found.stop()


def ask(scaled: Scaled, method: str, path: str, body: Any = None, key: str = "") -> Any:
    data = None if body is None else json.dumps(body).encode()
    headers = {"Content-Type": "application/json", **({"Idempotency-Key": key} if key else {})}
    request = urllib.request.Request(scaled.address.rstrip("/") + path, data, headers, method=method)
    with urllib.request.urlopen(request, timeout=120) as answer:
        content = answer.read()
    return json.loads(content) if answer.headers["Content-Type"] == "application/json" else content


def ended(scaled: Scaled, job: Any) -> Any:
    while job["status"] not in ("done", "failed", "cancelled"):
        time.sleep(0.2)
        job = ask(scaled, "GET", job["links"]["self"])
    return job


def submitted(scaled: Scaled, seed: int, key: str = "", steps: int = 4, **others: Any) -> Any:
    control = {"condition": "canny", "image": encoded(house())}
    body = {"prompt": "a red cone", "controls": [control], "seeds": [seed], "steps": steps, "size": [64, 64]}
    return ask(scaled, "POST", "/v1/generate", {**body, **others}, key)


def picture(scaled: Scaled, job: Any) -> np.ndarray:
    done = ended(scaled, job)
    assert done["status"] == "done"
    content = ask(scaled, "GET", done["links"]["pictures"][0])
    return np.asarray(Image.open(io.BytesIO(content)).convert("RGB"), np.int16)


def holders(scaled: Scaled, id: str) -> list[bool]:
    return [ray.get(owner.job.remote(id)) is not None for owner in scaled.owners]


def test_any_replica_finds_every_job_of_both_owners(scaled: Scaled) -> None:
    jobs = [submitted(scaled, seed) for seed in range(6)]
    owners = [holders(scaled, job["id"]) for job in jobs]
    assert {tuple(each) for each in owners} == {(True, False), (False, True)}
    for job in jobs:
        for _ in range(4):  # the replicas take turns
            assert ask(scaled, "GET", job["links"]["self"])["id"] == job["id"]
        assert picture(scaled, job).shape == (64, 64, 3)
    history = ask(scaled, "GET", "/v1/jobs?limit=4")
    older = ask(scaled, "GET", f"/v1/jobs?limit=4&before={history['before']}")
    found = [job["id"] for job in (*history["jobs"], *older["jobs"])]
    assert found == [job["id"] for job in reversed(jobs)]


def test_a_request_that_is_sent_again_is_one_job(scaled: Scaled) -> None:
    assert len({submitted(scaled, 50, key="mine")["id"] for _ in range(6)}) == 1


def test_what_a_killed_owner_had_is_done_once(scaled: Scaled) -> None:
    jobs = [submitted(scaled, seed, steps=12) for seed in range(100, 112)]
    lost = [job for job in jobs if holders(scaled, job["id"])[0]]
    before = ray.get(scaled.owners[0].process.remote())
    os.kill(before, signal.SIGKILL)
    folders: dict[str, Path] = {}
    for job in jobs:
        assert ended(scaled, job)["status"] == "done"
        at = holders(scaled, job["id"]).index(True)
        folders[job["id"]] = Path(ray.get(scaled.owners[at].folder.remote(job["id"])))
    assert lost and ray.get(scaled.owners[0].process.remote()) != before
    for folder in folders.values():
        assert [path.name for path in sorted(folder.glob("0*.png"))] == ["0000.png"]
        assert len(json.loads((folder / "run.json").read_text())["outputs"]) == 1


def test_a_job_can_be_cancelled_and_watched_from_any_replica(scaled: Scaled) -> None:
    for seed in (200, 201):
        job = submitted(scaled, seed, steps=150)
        assert ask(scaled, "POST", job["links"]["cancel"])["status"] == "cancelled"
    events = ask(scaled, "GET", submitted(scaled, 202)["links"]["events"]).decode()
    assert events.count("event: job") >= 2 and '"status": "done"' in events


def test_every_owner_has_the_loras_that_are_offered(scaled: Scaled) -> None:
    assert [lora["name"] for lora in ask(scaled, "GET", "/v1/models")["loras"]] == ["style", "ink"]
    loras = [{"file": "style", "strength": 0.1}]
    jobs = [submitted(scaled, 300, key=f"lora {k}", loras=loras) for k in range(6)]  # the key decides whose it is
    owners = {tuple(holders(scaled, job["id"])) for job in jobs}
    assert owners == {(True, False), (False, True)}
    with_lora = np.stack([picture(scaled, job) for job in jobs])
    without = np.stack([picture(scaled, submitted(scaled, 300, key=f"plain {k}")) for k in range(6)])
    assert np.abs(with_lora - with_lora[0]).max() <= 1 and np.abs(without - without[0]).max() <= 1
    assert np.abs(with_lora - without).max() > 8
    with pytest.raises(urllib.error.HTTPError) as caught:
        submitted(scaled, 300, loras=[{"file": "stile"}])
    assert caught.value.code == 422 and "style" in caught.value.read().decode()


def test_mistakes_and_the_web_uis_addresses(scaled: Scaled) -> None:
    with pytest.raises(urllib.error.HTTPError) as caught:
        ask(scaled, "POST", "/v1/generate", {"prompt": "a", "scheduler": "eular"})
    assert caught.value.code == 422 and "did you mean 'euler'" in caught.value.read().decode()
    asked = {"prompt": "a cone", "steps": 3, "width": 64, "height": 64, "seed": 3}
    made = ask(scaled, "POST", "/sdapi/v1/txt2img", asked)
    assert decoded(made["images"][0]).size == (64, 64) and json.loads(made["info"])["all_seeds"] == [3]
