"""Answers as JSON lines: what one line must hold, and what many lines together say.

study     the study's opaque name
rater     the number or name that the rater gave
session   opaque name of one sitting; number: which answer of it this is, from 0
task, question
answer    a ranking: {opaque name of a picture: rank, 1 worst}; the two-way test: "A" or "B"
order     the opaque names as they stood from left to right
seconds   how long the screen was looked at; at: when, ISO 8601
"""

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zeroconv.errors import UserError, nearest
from zeroconv.evaluation.study.key import Key

LONGEST_NAME = 40
_NAME = re.compile(rf"\w[\w .-]{{0,{LONGEST_NAME - 1}}}")


@dataclass(frozen=True)
class Answer:
    """One answer that fits the study."""

    rater: str
    session: str
    number: int
    task: str
    question: str
    ranks: Mapping[str, int]
    """Ranking: opaque name -> rank; empty in the two-way test."""
    system: str
    """Two-way test: A or B; empty in a ranking."""
    order: tuple[str, ...]
    seconds: float
    at: str

    @property
    def place(self) -> tuple[str, str, str]:
        """What was answered by whom."""
        return self.rater, self.task, self.question


@dataclass(frozen=True)
class Answers:
    """What counts, and what a reader of the result must know of the rest."""

    counted: tuple[Answer, ...]
    """One answer a rater, task and question."""
    remarks: tuple[str, ...]
    """Whatever was not counted or is missing, in whole sentences."""


def read_answer(line: str | bytes, key: Key) -> Answer:
    """One line -> the answer. UserError in one sentence where it does not fit the study."""
    try:
        found = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise UserError(f"expected a JSON object a line, got {_short(line)}") from error
    if not isinstance(found, dict):
        raise UserError(f"expected a JSON object a line, got {_short(line)}")
    if found.get("study") != key.study:
        raise UserError(f"expected an answer to study {key.study}, got one to {_short(found.get('study'))}")
    rater, session, task, question = (_name(found, field) for field in ("rater", "session", "task", "question"))
    if task not in key.tasks:
        raise UserError(f"the study has no task {task!r}")
    if question not in key.questions:
        raise UserError(f"the study has no question {question!r}; {nearest(question, key.questions)}")
    items = key.tasks[task].items
    order, number, seconds = found.get("order"), found.get("number"), found.get("seconds")
    if not isinstance(order, list) or not all(isinstance(item, str) for item in order) or set(order) != set(items):
        raise UserError(f"task {task}: expected order to hold its {len(items)} pictures, got {_short(order)}")
    if type(number) is not int or number < 0:
        raise UserError(f"task {task}: expected a whole number from 0 as number, got {_short(number)}")
    if not isinstance(seconds, int | float) or isinstance(seconds, bool) or not 0 <= seconds < 1e9:
        raise UserError(f"task {task}: expected seconds of 0 or more, got {_short(seconds)}")
    is_ranking = key.test == "ranking"
    ranks = _ranks(found.get("answer"), tuple(items), key.ties, task) if is_ranking else {}
    system = "" if is_ranking else _system(found.get("answer"), task)
    at = str(found.get("at", ""))[:LONGEST_NAME]
    return Answer(rater, session, number, task, question, ranks, system, tuple(order), float(seconds), at)


def read_answers(files: Iterable[Path], key: Key) -> Answers:
    """All lines of some files -> what counts. A line that came twice counts once; within a sitting the last answer
    to a question counts; of several sittings of one rater the first."""
    remarks: list[str] = []
    sittings: dict[tuple[str, str], dict[int, Answer]] = {}
    twice = 0
    for path in files:
        for position, line in enumerate(_lines(path), 1):
            try:
                answer = read_answer(line, key)
            except UserError as error:
                remarks.append(f"{path.name}, line {position} does not count: {error}")
                continue
            sitting = sittings.setdefault((answer.rater, answer.session), {})
            if sitting.get(answer.number) == answer:
                twice += 1
            elif answer.number in sitting:
                remarks.append(
                    f"{path.name}, line {position} does not count: answer {answer.number} of rater {answer.rater} came "
                    f"before with other contents"
                )
            else:
                sitting[answer.number] = answer
    if twice:
        remarks.append(f"{_lines_word(twice)} came more than once and count once")
    return _settled(sittings, remarks, key)


def _settled(sittings: Mapping[tuple[str, str], Mapping[int, Answer]], remarks: list[str], key: Key) -> Answers:
    counted: dict[tuple[str, str, str], Answer] = {}
    corrected: Counter[str] = Counter()
    repeated: Counter[str] = Counter()
    for (rater, session), sitting in sorted(sittings.items(), key=lambda pair: min(a.at for a in pair[1].values())):
        for _, answer in sorted(sitting.items()):
            before = counted.get(answer.place)
            if before is not None and before.session != session:
                repeated[rater] += 1
                continue
            corrected[rater] += before is not None
            counted[answer.place] = answer
    for rater, count in sorted(repeated.items()):
        remarks.append(
            f"rater {rater} sat down more than once (or two people gave one name): {count} later answers to questions "
            f"that were answered before do not count"
        )
    for rater, count in sorted(corrected.items()):
        if count:
            remarks.append(f"rater {rater} corrected {count} answers; the last of each counts")
    expected = len(key.tasks) * len(key.questions)
    for rater, count in sorted(Counter(answer.rater for answer in counted.values()).items()):
        if count < expected:
            remarks.append(f"rater {rater} is incomplete: {count} of {expected} answers, which count")
    return Answers(tuple(counted.values()), tuple(remarks))


def _lines(path: Path) -> list[str]:
    try:
        return [line for line in path.read_text("utf-8").split("\n") if line.strip()]
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is no text file; expected answers as JSON lines") from error
    except FileNotFoundError as error:
        raise UserError(f"no file {path}; expected answers as JSON lines") from error


def _name(found: Mapping[str, Any], field: str) -> str:
    value = found.get(field)
    if not isinstance(value, str) or not _NAME.fullmatch(value):
        raise UserError(f"expected {field} to be a name of at most {LONGEST_NAME} letters, got {_short(value)}")
    return value


def _ranks(answer: object, items: tuple[str, ...], ties: bool, task: str) -> dict[str, int]:
    if not isinstance(answer, dict) or set(answer) != set(items):
        raise UserError(f"task {task}: expected a rank for each of its {len(items)} pictures, got {_short(answer)}")
    given = list(answer.values())
    if not all(type(rank) is int and 1 <= rank <= len(items) for rank in given):
        raise UserError(f"task {task}: expected ranks from 1 to {len(items)}, got {_short(given)}")
    if not ties and len(set(given)) < len(given):
        raise UserError(f"task {task}: expected ranks that differ, got {_short(given)}")
    return dict(answer)


def _system(answer: object, task: str) -> str:
    if answer not in ("A", "B"):
        raise UserError(f"task {task}: expected A or B as answer, got {_short(answer)}")
    return str(answer)


def _lines_word(count: int) -> str:
    return "1 line" if count == 1 else f"{count} lines"


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
