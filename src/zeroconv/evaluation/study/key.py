"""The key of a study: which picture came from which method. It lies beside the page and is never part of it.

What the page shows of a picture is an opaque name, drawn from a secret that is kept nowhere.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from zeroconv.errors import UserError
from zeroconv.images import atomic_write

PAGE, KEY, ANSWERS = "study.html", "key.json", "answers.jsonl"
"""The files of a study's folder."""

SCHEMA = 1
SYSTEMS = ("A", "B")
"""What the two-way test calls the two systems."""

Test = Literal["ranking", "two-way"]


@dataclass(frozen=True)
class Task:
    """What is judged at once: a group of pictures of one stimulus, or a single test picture."""

    stimulus: str
    """The file name, without suffix, that the pictures share."""
    items: Mapping[str, str]
    """Opaque name of a picture -> its method."""


@dataclass(frozen=True)
class Key:
    """All that is needed to read the answers."""

    study: str
    """Opaque name of the study, part of every answer."""
    title: str
    test: Test
    methods: tuple[str, ...]
    questions: tuple[str, ...]
    ties: bool
    """Whether two pictures may share a rank."""
    tasks: Mapping[str, Task]
    """By opaque name."""
    systems: Mapping[str, str]
    """Two-way test: A and B -> method; empty for a ranking."""
    made: Mapping[str, Any]
    """How the study was made: seed, counts, folders with the hashes of their pictures."""


def opaque(secret: str, *names: str) -> str:
    """12 hexadecimal digits that say nothing to who does not hold the secret."""
    return hashlib.sha256("\0".join((secret, *names)).encode()).hexdigest()[:12]


def write_key(key: Key, folder: Path) -> None:
    """folder/key.json, in one step."""
    text = json.dumps({"schema": SCHEMA, **asdict(key)}, indent=1, ensure_ascii=False)
    with atomic_write(folder / KEY) as part:
        part.write_text(text + "\n", "utf-8")


def read_key(folder: Path) -> Key:
    """The key of the study in a folder. UserError where there is none or it is damaged."""
    path = folder / KEY
    if not path.is_file():
        raise UserError(
            f"{folder} holds no study (no {KEY}); expected the folder given to zeroconv study make as --out"
        )
    try:
        found = json.loads(path.read_text("utf-8"))
        if found.pop("schema") != SCHEMA:
            raise UserError(f"{path} is of another version; expected schema {SCHEMA}, make the study anew")
        tasks = {name: Task(**task) for name, task in found.pop("tasks").items()}
        methods, questions = tuple(found.pop("methods")), tuple(found.pop("questions"))
        return Key(tasks=tasks, methods=methods, questions=questions, **found)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        if isinstance(error, UserError):
            raise
        raise UserError(f"{path} is damaged: expected the key that zeroconv study make writes, got {error}") from error
