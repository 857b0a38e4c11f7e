import time
from dataclasses import replace

import pytest

from zeroconv.serve.jobs import Job
from zeroconv.serve.webui import chosen
from zeroconv.serve.webui.chosen import Chosen
from zeroconv.serve.webui.progress import progress

JOB = Job("id", "me", "queued", 2, 0, 40, (), None, 0.0, None, None, {"seeds": [1, 2]})


def test_nothing_goes_on() -> None:
    made = progress([])
    assert made.progress == 0 and made.state["job_count"] == 0


def test_a_job_that_waits_says_its_place() -> None:
    made = progress([JOB])
    assert 0 < made.progress < 0.02 and made.textinfo == "in the queue, 2 before it"


def test_of_several_the_one_that_runs() -> None:
    running = replace(JOB, status="running", position=None, steps_done=10, began=time.time() - 5)
    made = progress([JOB, running, JOB])
    assert made.progress == 0.25 and made.state["sampling_steps"] == 20 and made.state["job_count"] == 3
    assert made.eta_relative == pytest.approx(15, abs=1)


def test_each_client_has_its_own_base(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chosen, "_CLIENTS", 2)
    bases = Chosen("tiny")
    for client in ("a", "b", "a", "c"):
        bases.choose(client, f"base-{client}")
    assert [bases.base(client) for client in ("a", "b", "c", "d")] == ["base-a", "tiny", "base-c", "tiny"]
