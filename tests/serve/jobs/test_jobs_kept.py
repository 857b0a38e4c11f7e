"""What outlives a server: jobs that wait, finished pictures, what was decided; and what does not."""

import threading
import time

import pytest
from jobrequests import MakeJobs, difference, ended, request

from zeroconv.generate import generate
from zeroconv.serve.models import Models


def test_the_next_server_goes_on(make_jobs: MakeJobs, models: Models, paused: threading.Event) -> None:
    before = make_jobs()
    asked = request(seeds=(1, 2, 3), steps=3)
    id = before.submit(asked, base="tiny", client="a").id
    waits = before.submit(request("waits"), base="tiny", client="b").id
    before.stop()
    paused.set()
    before.close()
    assert not list((before._folder / id).glob("00*.png"))
    orphan = before._folder / "never-accepted"
    orphan.mkdir()
    after = make_jobs()
    assert ended(after, id).status == ended(after, waits).status == "done"
    for at, image in enumerate(generate(models.base("tiny"), asked)):
        assert difference(after.folder(id) / f"{at:04d}.png", image) <= 1
    assert not orphan.exists()
    assert [job.id for job in after.history()] == [waits, id]


def test_finished_pictures_are_not_made_again(make_jobs: MakeJobs) -> None:
    before = make_jobs(batch=1)
    id = before.submit(request(seeds=(1, 2, 3), steps=6), base="tiny", client="a").id
    while not before.job(id).pictures:  # type: ignore[union-attr]
        time.sleep(0.01)
    before.close()
    kept = (before._folder / id / "0000.png").stat().st_mtime_ns
    after = make_jobs()
    job = ended(after, id)
    assert job.pictures == ("0000.png", "0001.png", "0002.png") and job.steps_done == 18
    assert (after.folder(id) / "0000.png").stat().st_mtime_ns == kept


def test_a_job_whose_pictures_are_gone_fails(make_jobs: MakeJobs, paused: threading.Event) -> None:
    before = make_jobs()
    id = before.submit(request(), base="tiny", client="a").id
    before.stop()
    paused.set()
    before.close()
    (before._folder / id / "inputs" / "control-0.png").unlink()
    job = ended(make_jobs(), id)
    assert job.status == "failed" and "are gone" in (job.error or "")


def test_old_jobs_go(make_jobs: MakeJobs) -> None:
    jobs = make_jobs(kept_jobs=2)
    ids = []
    for _ in range(3):
        ids.append(jobs.submit(request(steps=1), base="tiny", client="a").id)
        ended(jobs, ids[-1])
    jobs.close()  # waits for the worker, who lets them go after the last has ended
    jobs = make_jobs(kept_jobs=2)
    assert [job.id for job in jobs.history()] == [ids[2], ids[1]]
    assert jobs.job(ids[0]) is None
    assert not (jobs._folder / ids[0]).exists()


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning", "ignore:the prompt exceeds")
def test_what_was_decided_about_a_request_is_in_its_job_after_a_restart_too(make_jobs: MakeJobs) -> None:
    jobs = make_jobs()
    long = "a house " * 100
    asked = request(long, size=(70, 64), negative="fog", guidance=1.0, speed="fast", steps=4)
    id = jobs.submit(asked, base="tiny", client="a").id
    plain = jobs.submit(request(), base="tiny", client="a")
    notes = ended(jobs, id).notes
    said = " ".join(notes)
    for part in (
        "70x64 was rounded to 64x64",
        "the negative prompt has no effect at a guidance of 1",
        "speed fast",
        "tokens, its end is not seen by the base",
    ):
        assert said.count(part) == 1, (part, notes)
    assert plain.notes == ()
    jobs.close()
    again = make_jobs().job(id)
    assert again is not None and again.notes == notes
