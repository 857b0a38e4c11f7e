"""Turns are fair, batches hold what fits together, and nothing is handed out twice."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from zeroconv.request import Request
from zeroconv.serve.jobs.queue import FairQueue
from zeroconv.serve.jobs.task import Task


def task(client: str, pictures: int = 1, **changes: Any) -> Task:
    request = Request("a house", size=(64, 64), guidance=4.0, scheduler="ddim", seeds=range(pictures))  # type: ignore[arg-type]
    return Task(f"{client}-{pictures}", client, "tiny", replace(request, **changes), Path(), 2)


def served(queue: FairQueue) -> dict[str, int]:
    """Client -> its pictures in the next batch."""
    counts: dict[str, int] = {}
    for share in queue.take():
        counts[share.task.client] = counts.get(share.task.client, 0) + len(share.indices)
    return counts


def test_places_of_a_batch_go_round_among_clients() -> None:
    queue = FairQueue(batch=4)
    for each in (task("a", 100), task("b", 1), task("c", 2)):
        queue.put(each)
    assert served(queue) == {"a": 2, "b": 1, "c": 1}
    assert served(queue) == {"a": 3, "c": 1}
    assert served(queue) == {"a": 4}


def test_a_long_job_gives_way_after_each_batch() -> None:
    queue = FairQueue(batch=4)
    for each in (task("a", 12), task("b", 1, steps=3), task("c", 1, steps=4)):
        queue.put(each)
    assert [served(queue) for _ in range(5)] == [{"a": 4}, {"b": 1}, {"c": 1}, {"a": 4}, {"a": 4}]


def test_whoever_was_not_served_comes_next() -> None:
    queue = FairQueue(batch=2)
    for client in "abc":
        queue.put(task(client, 2))
    assert [served(queue) for _ in range(3)] == [{"a": 1, "b": 1}, {"c": 1, "a": 1}, {"b": 1, "c": 1}]


def test_one_clients_jobs_come_in_order() -> None:
    queue = FairQueue(batch=4)
    first, second, third = task("a", 1), task("a", 2, steps=3), task("a", 3)
    for each in (first, second, third):
        queue.put(each)
    assert [[share.task for share in queue.take()] for _ in range(3)] == [[first], [second], [third]]


def test_every_picture_is_handed_out_once() -> None:
    queue = FairQueue(batch=3)
    tasks = [task("a", 5), task("b", 4), task("a", 2)]
    for each in tasks:
        queue.put(each)
    out: dict[Task, list[int]] = {}
    while sum(map(len, out.values())) < 11:
        for share in queue.take():
            out.setdefault(share.task, []).extend(share.indices)
    assert [out[each] for each in tasks] == [list(range(5)), list(range(4)), list(range(2))]
    assert not queue.waiting()


def test_large_pictures_are_made_one_by_one() -> None:
    queue = FairQueue(batch=16)
    queue.put(task("a", 3, size=(1024, 1024)))
    assert served(queue) == {"a": 1}
    queue = FairQueue(batch=16)
    queue.put(task("a", 9, size=(512, 512)))
    assert served(queue) == {"a": 4}


def test_another_base_is_another_batch() -> None:
    queue, other = FairQueue(batch=4), task("b")
    other.base = "other"
    queue.put(task("a"))
    queue.put(other)
    assert served(queue) == {"a": 1}


def test_removed_tasks_are_not_made() -> None:
    queue = FairQueue(batch=4)
    kept, gone = task("a"), task("b")
    queue.put(gone)
    queue.put(kept)
    queue.remove(gone)
    assert [share.task for share in queue.take()] == [kept]


def test_what_waits_is_told_in_its_order() -> None:
    queue = FairQueue(batch=4)
    tasks = [task("a"), task("a"), task("b"), task("c"), task("b")]
    for each in tasks:
        queue.put(each)
    assert queue.waiting() == [tasks[at] for at in (0, 2, 3, 1, 4)]
    tasks[2].status = "running"
    assert queue.waiting() == [tasks[at] for at in (0, 3, 1, 4)]


def test_a_closed_queue_gives_nothing() -> None:
    queue = FairQueue(batch=4)
    queue.put(task("a"))
    queue.close()
    assert queue.take() == []


@pytest.mark.parametrize("count", [1, 2])
def test_tasks_that_begin_from_pictures_are_alone(count: int) -> None:
    from serving import drawing

    queue = FairQueue(batch=4)
    for client in "ab":
        queue.put(task(client, count, image=drawing()))
    assert served(queue) == {"a": count}
