"""The jobs' table: what is written is there for the next process, and for one process at a time."""

import contextlib
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from zeroconv.errors import UserError
from zeroconv.serve.jobs.store import Row, Store

ROW = Row("id0", "a", "queued", 4, (), None, 1.5, None, None, {"prompt": "x", "seeds": [0]}, None, "digest")


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    store = Store(tmp_path / "jobs.sqlite3")
    store.add(ROW)
    store.update("id0", status="running", began=2.5, pictures=("0000.png",))
    store.close()
    again = Store(tmp_path / "jobs.sqlite3")
    assert again.find("id0") == replace(ROW, status="running", began=2.5, pictures=("0000.png",))
    assert again.find("id1") is None
    again.close()


def test_history_and_what_is_unfinished(tmp_path: Path) -> None:
    store = Store(tmp_path / "jobs.sqlite3")
    for at, status in enumerate(("done", "running", "queued", "failed", "cancelled")):
        store.add(replace(ROW, id=f"id{at}", status=status, client="ab"[at % 2]))
    assert [row.id for row in store.unfinished()] == ["id1", "id2"]
    assert [row.id for row in store.history(2, None, None)] == ["id4", "id3"]
    assert [row.id for row in store.history(2, "id3", None)] == ["id2", "id1"]
    assert [row.id for row in store.history(9, None, "b")] == ["id3", "id1"]
    assert store.history(9, "nothing", None) == []
    store.close()


def test_only_jobs_that_ended_are_forgotten(tmp_path: Path) -> None:
    store = Store(tmp_path / "jobs.sqlite3")
    for at, status in enumerate(("done", "queued", "done", "failed")):
        store.add(replace(ROW, id=f"id{at}", status=status))
    assert store.forget(keep=1) == ["id2", "id0"]
    assert store.ids() == {"id1", "id3"}
    store.close()


def test_two_servers_do_not_share_a_folder(tmp_path: Path) -> None:
    store = Store(tmp_path / "jobs.sqlite3")
    with pytest.raises(UserError, match="does another server use this folder"):
        Store(tmp_path / "jobs.sqlite3")
    store.close()
    Store(tmp_path / "jobs.sqlite3").close()


def test_a_table_of_before_gets_what_it_lacks(tmp_path: Path) -> None:
    store = Store(tmp_path / "jobs.sqlite3")
    store.add(replace(ROW, notes=("rounded",)))
    store.close()
    with contextlib.closing(sqlite3.connect(tmp_path / "jobs.sqlite3")) as connection:
        connection.executescript("ALTER TABLE jobs DROP COLUMN notes; PRAGMA user_version=1;")
    again = Store(tmp_path / "jobs.sqlite3")
    assert again.find("id0") == ROW
    again.add(replace(ROW, id="id1", notes=("rounded", "no effect")))
    again.close()
    last = Store(tmp_path / "jobs.sqlite3")
    assert [row.notes for row in last.history(9, None, None)] == [("rounded", "no effect"), ()]
    last.close()


def test_what_is_no_database(tmp_path: Path) -> None:
    (tmp_path / "jobs.sqlite3").write_bytes(b"no database " * 100)
    with pytest.raises(UserError, match="cannot be used as the jobs' database"):
        Store(tmp_path / "jobs.sqlite3")
