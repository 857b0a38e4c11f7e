"""Findings on the disk: a folder each with finding.json, a CSV file a table, and the pictures.

OUT/NAME/finding.json    everything but the pictures
OUT/NAME/TABLE.csv       mean, low, high and count of each cell
OUT/NAME/*.png, *.jpg
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from zeroconv.evaluation.report import as_csv, environment, write_text
from zeroconv.evaluation.sheet import save_sheet
from zeroconv.evaluation.statistics import Estimate
from zeroconv.reproduce.experiment import Experiment
from zeroconv.reproduce.finding import Cell, Finding, Table, Verdict

SCHEMA = 1
FILE = "finding.json"


@dataclass(frozen=True)
class Recorded:
    """A finding as it was written."""

    folder: Path
    command: str
    """By which it was measured."""
    verdict: Verdict
    words: str
    tables: tuple[Table, ...]
    pictures: tuple[str, ...]
    """Names of files in the folder."""
    protocol_hash: str
    seconds: float
    finished: str


def hash_of(protocol: Mapping[str, object]) -> str:
    """16 hexadecimal digits that name a protocol."""
    text = json.dumps(protocol, sort_keys=True, ensure_ascii=True, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def write(finding: Finding, experiment: Experiment, folder: Path, *, asked: str, command: str, seconds: float) -> None:
    """Write a finding; finding.json comes last, so that a folder with one is whole.

    asked: names what was asked for, so that the same is not measured twice. command: that which was given.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name, picture in finding.pictures.items():
        save_sheet(picture, folder / name)
    for table in finding.tables:
        write_text(folder / f"{_slug(table.title)}.csv", as_csv(_rows(table)))
    content = {
        "schema": SCHEMA,
        "experiment": experiment.name,
        "claim": experiment.claim,
        "where": experiment.where,
        "papers_number": experiment.papers_number,
        "rule": experiment.rule,
        "asked": asked,
        "command": command,
        "verdict": finding.verdict.value,
        "words": finding.words,
        "tables": [_as_json(table) for table in finding.tables],
        "pictures": list(finding.pictures),
        "protocol": dict(finding.protocol),
        "protocol_hash": hash_of(finding.protocol),
        "seconds": round(seconds, 1),
        "environment": environment(),
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    write_text(folder / FILE, json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def read(folder: Path, asked: str | None = None) -> Recorded | None:
    """The finding in a folder; None where there is none, or none of what is `asked`."""
    try:
        content = json.loads((folder / FILE).read_text("utf-8"))
    except (OSError, ValueError):
        return None
    if content.get("schema") != SCHEMA or asked not in (None, content["asked"]):
        return None
    return Recorded(
        folder=folder,
        command=content.get("command") or f"zeroconv reproduce {content['experiment']}",
        verdict=Verdict(content["verdict"]),
        words=content["words"],
        tables=tuple(_from_json(table) for table in content["tables"]),
        pictures=tuple(content["pictures"]),
        protocol_hash=content["protocol_hash"],
        seconds=content["seconds"],
        finished=content["finished"],
    )


def _slug(title: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")


def _as_json(table: Table) -> dict[str, Any]:
    rows = {name: [c if isinstance(c, str) else asdict(c) for c in cells] for name, cells in table.rows.items()}
    return {"title": table.title, "columns": table.columns, "rows": rows}


def _from_json(content: Mapping[str, Any]) -> Table:
    rows = {name: tuple(_cell(cell) for cell in cells) for name, cells in content["rows"].items()}
    return Table(content["title"], tuple(content["columns"]), rows)


def _cell(content: Any) -> Cell:
    return content if isinstance(content, str) else Estimate(**content)


def _rows(table: Table) -> list[dict[str, Any]]:
    return [
        {"row": name, "column": column, **(asdict(cell) if isinstance(cell, Estimate) else _words(cell))}
        for name, cells in table.rows.items()
        for column, cell in zip(table.columns, cells, strict=True)
    ]


def _words(cell: str) -> dict[str, Any]:
    return {"mean": cell, "low": "", "high": "", "count": ""}
