"""Jobs on the embedded base: made as `generate` makes them, in company as alone, once, and within the limits."""

import json
import threading
import time
from typing import Any

import pytest
from jobrequests import MakeJobs, difference, ended, request
from serving import drawing

from zeroconv.errors import UserError
from zeroconv.generate import ControlRequest, generate
from zeroconv.request import Lora, record
from zeroconv.serve.jobs import Event, QueueFull
from zeroconv.serve.models import Models


def test_jobs_in_company_are_what_they_are_alone(make_jobs: MakeJobs, models: Models, paused: threading.Event) -> None:
    jobs = make_jobs()
    asked = [request("a red house", seeds=(1, 2)), request("a green tree", 6, seeds=(3,)), request("a blue boat", 12)]
    first = jobs.submit(request("first"), base="tiny", client="z")  # the worker holds it while the others gather
    ids = [jobs.submit(each, base="tiny", client=f"client-{at}").id for at, each in enumerate(asked)]
    paused.set()
    assert ended(jobs, first.id).status == "done"
    for id, each in zip(ids, asked, strict=True):
        job = ended(jobs, id)
        assert (job.status, job.steps_done, job.steps) == ("done", 2 * len(each.seeds), 2 * len(each.seeds))
        assert job.pictures == tuple(f"{at:04d}.png" for at in range(len(each.seeds)))
        for name, image in zip(job.pictures, generate(models.base("tiny"), each), strict=True):
            assert difference(jobs.folder(id) / name, image) <= 1


def test_the_folder_is_a_run_folder(make_jobs: MakeJobs) -> None:
    jobs = make_jobs()
    id = jobs.submit(request(seeds=(1, 2)), base="tiny", client="a").id
    ended(jobs, id)
    folder = jobs.folder(id)
    made = json.loads((folder / "run.json").read_text())
    assert [output["file"] for output in made["outputs"]] == ["0000.png", "0001.png"]
    assert made["base"]["name"] == "tiny" and made["controls"][0]["checkpoint"] == "tiny-canny"
    assert made["controls"][0]["checkpoint_sha256"]
    assert (folder / "control-canny.png").is_file() and (folder / "sheet.png").is_file()
    again = record.read(folder / "0001.png")
    assert again.request.prompt == "a red house" and again.request.seeds == (2,)
    assert str(folder) not in (folder / "run.json").read_text()


def test_watching_tells_every_step_and_shows_previews(make_jobs: MakeJobs, paused: threading.Event) -> None:
    jobs = make_jobs()
    id = jobs.submit(request(steps=4), base="tiny", client="a").id
    events: list[Event] = []
    watcher = threading.Thread(target=lambda: events.extend(jobs.watch(id)))
    watcher.start()
    while not jobs.board.is_watched(id):
        time.sleep(0.01)
    paused.set()
    watcher.join(60)
    assert events[0].job.status == "queued" and events[-1].job.status == "done"
    assert {event.job.steps_done for event in events} >= {1, 2, 3, 4}
    previews = [event.preview for event in events if event.preview]
    assert previews and previews[0].startswith(b"\xff\xd8")
    assert not jobs.board.is_watched(id)
    assert [event.job.status for event in jobs.watch(id)] == ["done"]
    assert list(jobs.watch("nothing")) == []
    with pytest.raises(UserError, match="no such job"):
        jobs.folder("nothing")


def test_cancelling_one_leaves_its_company(make_jobs: MakeJobs, models: Models, paused: threading.Event) -> None:
    jobs = make_jobs()
    begun = jobs.submit(request("first", steps=20), base="tiny", client="z").id
    waits = jobs.submit(request("gone"), base="tiny", client="a").id
    company = request("stays", 6)
    stays = jobs.submit(company, base="tiny", client="b").id
    assert [jobs.job(id).position for id in (waits, stays)] == [0, 1]  # type: ignore[union-attr]
    assert jobs.cancel(waits).status == "cancelled"  # type: ignore[union-attr]
    paused.set()
    while jobs.job(begun).steps_done < 2:  # type: ignore[union-attr]
        time.sleep(0.01)
    jobs.cancel(begun)
    job = ended(jobs, stays)
    assert job.status == "done"
    assert difference(jobs.folder(stays) / "0000.png", next(generate(models.base("tiny"), company))) <= 1
    stopped = jobs.job(begun)
    assert stopped is not None and stopped.status == "cancelled" and stopped.pictures == () and stopped.steps_done == 0
    assert jobs.cancel(stays).status == "done", "what has ended stays as it is"  # type: ignore[union-attr]
    assert jobs.cancel("nothing") is None


def test_one_that_fails_leaves_its_company(
    make_jobs: MakeJobs, paused: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    import zeroconv.serve.jobs.worker as worker

    def failing(base: Any, prepared: Any, **options: Any) -> Any:
        if "bad" in prepared.request.prompt:
            raise RuntimeError("/secret/path broke")
        return generate(base, prepared, **options)

    monkeypatch.setattr(worker, "generate", failing)
    jobs = make_jobs()
    jobs.submit(request("first", steps=3), base="tiny", client="z")
    bad, good = (jobs.submit(request(prompt), base="tiny", client=prompt).id for prompt in ("bad", "good"))
    paused.set()
    assert ended(jobs, good).status == "done"
    failed = ended(jobs, bad)
    assert failed.status == "failed" and failed.error == "an error of the server, which is in its log"


def test_too_little_memory_makes_pictures_one_by_one(make_jobs: MakeJobs, monkeypatch: pytest.MonkeyPatch) -> None:
    import zeroconv.serve.jobs.worker as worker

    def small(base: Any, prepared: Any, **options: Any) -> Any:
        if len(prepared.request.seeds) > 1:
            raise RuntimeError("CUDA out of memory")
        return generate(base, prepared, **options)

    monkeypatch.setattr(worker, "generate", small)
    jobs = make_jobs()
    job = ended(jobs, jobs.submit(request(seeds=(1, 2, 3)), base="tiny", client="a").id)
    assert job.status == "done" and len(job.pictures) == 3


def test_what_takes_too_long_is_ended(make_jobs: MakeJobs) -> None:
    jobs = make_jobs(job_seconds=0.05)
    job = ended(jobs, jobs.submit(request(steps=50), base="tiny", client="a").id)
    assert job.status == "failed" and "longer than the 0.05 seconds" in (job.error or "")


def test_a_full_queue_says_when_to_come_again(make_jobs: MakeJobs, paused: threading.Event) -> None:
    jobs = make_jobs(queue=4, queue_per_client=2)
    for client in ("a", "a"):
        jobs.submit(request(), base="tiny", client=client)
    with pytest.raises(QueueFull, match="2 of your jobs wait already") as full:
        jobs.submit(request(), base="tiny", client="a")
    assert full.value.retry_after >= 1
    for client in ("b", "c"):
        jobs.submit(request(), base="tiny", client=client)
    with pytest.raises(QueueFull, match="the queue is full"):
        jobs.submit(request(), base="tiny", client="d")
    assert len(list(jobs.folder(jobs.history()[0].id).parent.iterdir())) == 4, "what was refused leaves nothing"
    paused.set()
    for job in jobs.history():
        assert ended(jobs, job.id).status == "done"
    jobs.submit(request(), base="tiny", client="d")


def test_a_clients_key_names_one_job(make_jobs: MakeJobs) -> None:
    jobs = make_jobs()
    first = jobs.submit(request(), base="tiny", client="a", key="mine")
    assert jobs.submit(request(), base="tiny", client="a", key="mine").id == first.id
    assert jobs.submit(request(), base="tiny", client="b", key="mine").id != first.id
    with pytest.raises(UserError, match="the key was given to another request"):
        jobs.submit(request(shift=9), base="tiny", client="a", key="mine")
    assert len(jobs.history(client="a")) == 1


REFUSED = [
    ({"steps": 200}, "200 steps are more than the 150"),
    ({"seeds": tuple(range(65))}, "65 pictures are more than the 64"),
    ({"size": (2048, 1024)}, "2048x1024 is more than the 1,048,576 pixels"),
    ({"prompt": "x" * 4001}, "the prompt has 4,001 characters"),
    ({"controls": (ControlRequest("canny", drawing()),) * 5}, "5 controls are more than the 4"),
    ({"controls": (ControlRequest("canny", "/etc/passwd"),)}, "opens no path"),
    ({"image": "http://example.org/x.png"}, "opens no path"),
    ({"loras": (Lora("x.safetensors"),)}, "no LoRAs are offered here"),
    ({"controls": (ControlRequest("canny", drawing(), checkpoint="/models/x"),)}, "no ControlNet '/models/x' is off"),
    ({"controls": (ControlRequest("canny", drawing(), checkpoint="tiny-cany"),)}, "did you mean 'tiny-canny'"),
    ({"controls": (ControlRequest("tile", drawing()),)}, "no ControlNet for tile is offered"),
    (
        {"controls": (ControlRequest("hed", drawing(), options={"method": "network", "weights": "/x"}),)},
        "the option weights is the server's",
    ),
]


@pytest.mark.parametrize(("changes", "sentence"), REFUSED, ids=[sentence for _, sentence in REFUSED])
def test_what_is_not_granted(make_jobs: MakeJobs, changes: dict[str, Any], sentence: str) -> None:
    jobs = make_jobs()
    with pytest.raises(UserError) as refused:
        jobs.submit(request(**changes), base="tiny", client="a")
    assert sentence.replace("/models/x", "x") in str(refused.value).replace("/models/x", "x")
    assert jobs.history() == [] and not list(jobs._folder.iterdir())


def test_a_disk_that_is_full_promises_nothing(make_jobs: MakeJobs, monkeypatch: pytest.MonkeyPatch) -> None:
    jobs = make_jobs()

    def full(self: Any, row: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("zeroconv.serve.jobs.store.Store.add", full)
    with pytest.raises(QueueFull, match="its disk may be full"):
        jobs.submit(request(), base="tiny", client="a")
    assert jobs.history() == [] and not list(jobs._folder.iterdir())


def test_an_unknown_base(make_jobs: MakeJobs) -> None:
    with pytest.raises(UserError, match="no base 'tny' is offered here; did you mean 'tiny'"):
        make_jobs().submit(request(), base="tny", client="a")
