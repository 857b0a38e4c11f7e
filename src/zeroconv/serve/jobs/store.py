"""Jobs in SQLite: what is acknowledged is on the disk, and a server that was killed finds it there.

Every write is one transaction in write-ahead mode with synchronous=FULL: it outlives a crash of process and machine.
"""

import json
import sqlite3
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zeroconv.errors import UserError
from zeroconv.serve.jobs.job import ENDED, Status

_SCHEMA = 2
_TABLE = """
CREATE TABLE IF NOT EXISTS jobs (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  client TEXT NOT NULL,
  status TEXT NOT NULL,
  steps INTEGER NOT NULL,
  pictures TEXT NOT NULL DEFAULT '[]',
  error TEXT,
  created REAL NOT NULL,
  began REAL,
  ended REAL,
  record TEXT NOT NULL,
  key TEXT,
  digest TEXT NOT NULL,
  notes TEXT NOT NULL DEFAULT '[]',
  UNIQUE (client, key)
);
CREATE INDEX IF NOT EXISTS by_status ON jobs (status);
"""
_LATER = {2: "ALTER TABLE jobs ADD COLUMN notes TEXT NOT NULL DEFAULT '[]'"}
"""What a table of an earlier schema lacks."""
_COLUMNS = "id, client, status, steps, pictures, error, created, began, ended, record, key, digest, notes"
_JSON = ("pictures", "record", "notes")
_ENDED = f"status IN {ENDED}"


@dataclass(frozen=True)
class Row:
    """One job on the disk; the fields are those of `Job`."""

    id: str
    client: str
    status: Status
    steps: int
    pictures: tuple[str, ...]
    error: str | None
    created: float
    began: float | None
    ended: float | None
    record: Mapping[str, Any]
    key: str | None
    """The client's own name for the request, by which a second one like it is known."""
    digest: str
    """The hash of the request with its pictures."""
    notes: tuple[str, ...] = ()


class Store:
    """The jobs' table. Thread-safe."""

    def __init__(self, path: Path) -> None:
        """UserError for a file of a later version, one that is no database, or one that another server has open."""
        self._lock = threading.Lock()
        try:
            self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None, timeout=1)
            for setting in ("locking_mode=EXCLUSIVE", "journal_mode=WAL", "synchronous=FULL"):
                self._connection.execute(f"PRAGMA {setting}")
            version = self._connection.execute("PRAGMA user_version").fetchone()[0]
            if version > _SCHEMA:
                raise UserError(f"{path} was written by a later version of zeroconv; expected schema {_SCHEMA}")
            later = "".join(f"{change};" for schema, change in _LATER.items() if 0 < version < schema)
            self._connection.executescript(f"BEGIN; {later} {_TABLE} PRAGMA user_version={_SCHEMA}; COMMIT;")
        except sqlite3.OperationalError as error:
            raise UserError(f"{path} cannot be opened ({error}); does another server use this folder?") from error
        except sqlite3.DatabaseError as error:
            raise UserError(f"{path} cannot be used as the jobs' database: {error}") from error

    def add(self, row: Row) -> None:
        """Writes a new job to the disk."""
        values = (*_values(row),)
        with self._lock:
            self._connection.execute(f"INSERT INTO jobs ({_COLUMNS}) VALUES ({', '.join('?' * len(values))})", values)

    def update(self, id: str, **changes: Any) -> None:
        """Writes some columns of a job."""
        changes = {name: json.dumps(value) if name == "pictures" else value for name, value in changes.items()}
        names = ", ".join(f"{name} = ?" for name in changes)
        with self._lock:
            self._connection.execute(f"UPDATE jobs SET {names} WHERE id = ?", (*changes.values(), id))

    def begin(self, id: str, now: float, pictures: Iterable[str]) -> None:
        """A job runs, since now or since an earlier server began with it."""
        sets = "status = 'running', began = coalesce(began, ?), pictures = ?"
        with self._lock:
            self._connection.execute(f"UPDATE jobs SET {sets} WHERE id = ?", (now, json.dumps(list(pictures)), id))

    def find(self, id: str) -> Row | None:
        """A job by its id."""
        return next(iter(self._select("WHERE id = ?", id)), None)

    def by_key(self, client: str, key: str) -> Row | None:
        """A job by the name its client gave it."""
        return next(iter(self._select("WHERE client = ? AND key = ?", client, key)), None)

    def unfinished(self) -> list[Row]:
        """Those that wait or were running, the oldest first."""
        return self._select(f"WHERE NOT {_ENDED} ORDER BY number")

    def history(self, limit: int, before: str | None, client: str | None) -> list[Row]:
        """The newest first; of one client or of all; before: an id, only what is older."""
        where, values = ["1"], []
        if before is not None:
            where.append("number < (SELECT number FROM jobs WHERE id = ?)")
            values.append(before)
        if client is not None:
            where.append("client = ?")
            values.append(client)
        return self._select(f"WHERE {' AND '.join(where)} ORDER BY number DESC LIMIT ?", *values, limit)

    def ids(self) -> set[str]:
        """Of all jobs."""
        with self._lock:
            return {id for (id,) in self._connection.execute("SELECT id FROM jobs")}

    def forget(self, keep: int) -> list[str]:
        """Removes all but the newest `keep` of the jobs that have ended -> the ids of those removed."""
        old = f"SELECT id FROM jobs WHERE {_ENDED} ORDER BY number DESC LIMIT -1 OFFSET ?"
        with self._lock:
            ids = [id for (id,) in self._connection.execute(old, (keep,))]
            self._connection.executemany("DELETE FROM jobs WHERE id = ?", [(id,) for id in ids])
        return ids

    def close(self) -> None:
        """Ends the connection."""
        with self._lock:
            self._connection.close()

    def _select(self, where: str, *values: Any) -> list[Row]:
        with self._lock:
            return _rows(self._connection.execute(f"SELECT {_COLUMNS} FROM jobs {where}", values).fetchall())


def _values(row: Row) -> Iterable[Any]:
    for name, value in vars(row).items():
        yield json.dumps(value) if name in _JSON else value


def _rows(found: Iterable[tuple[Any, ...]]) -> list[Row]:
    rows = []
    for values in found:
        named = dict(zip(_COLUMNS.split(", "), values, strict=True))
        named |= {name: json.loads(named[name]) for name in _JSON}
        named |= {name: tuple(named[name]) for name in ("pictures", "notes")}
        rows.append(Row(**named))
    return rows
