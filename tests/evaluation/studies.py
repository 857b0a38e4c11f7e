"""Small studies for the tests, and raters who answer them as told."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from zeroconv.evaluation.study.answers import Answer, Answers
from zeroconv.evaluation.study.key import PAGE, Key, write_key
from zeroconv.evaluation.study.make import Settings, Study, make_study
from zeroconv.evaluation.study.page import page

METHODS = ("controlnet", "lite", "piti")
SECRET = "of the tests"  # with the folder: browsers keep the answers of pages on disk together, by study


def write_pictures(
    root: Path, names: Sequence[str], methods: Sequence[str] = METHODS, size: int = 16
) -> dict[str, Path]:
    """A folder a method, each picture of one grey that no other has."""
    for place, method in enumerate(methods):
        (root / method).mkdir(parents=True, exist_ok=True)
        for number, name in enumerate(names):
            colour = (20 * place, 5 * number % 256, 99)
            Image.new("RGB", (size, size), colour).save(root / method / f"{name}.png")
    return {method: root / method for method in methods}


def ranking_study(root: Path, groups: int = 4, methods: Sequence[str] = METHODS, **settings: Any) -> Study:
    """A ranking of `groups` groups with condition images and prompts."""
    names = [f"{number:04d}" for number in range(groups)]
    folders = write_pictures(root, names, methods)
    guides = write_pictures(root, names, ["edges"])["edges"]
    lines = [json.dumps({"file_name": f"{name}.png", "text": f"scene {name} </script>"}) for name in names]
    (guides / "metadata.jsonl").write_text("\n".join(lines), "utf-8")
    return make_study(folders, Settings(groups=groups, **settings), guides, f"{SECRET} {root}")


def two_way_study(root: Path, teaching: int = 2, pictures: int = 6) -> Study:
    """A two-way test."""
    folders = write_pictures(root, [f"{number:04d}" for number in range(teaching + pictures)], METHODS[:2])
    return make_study(
        folders, Settings(test="two-way", teaching=teaching, pictures=pictures), secret=f"{SECRET} {root}"
    )


def written(study: Study, folder: Path) -> Path:
    """The study as make leaves it."""
    folder.mkdir(parents=True, exist_ok=True)
    write_key(study.key, folder)
    (folder / PAGE).write_text(page(study.shown), "utf-8")
    return folder


def line_of(key: Key, rater: str, number: int, task: str, question: str, answer: object) -> dict[str, Any]:
    """One line as the page writes it."""
    shown = {"order": sorted(key.tasks[task].items), "seconds": 2.5, "at": "2026-01-01T00:00:00Z"}
    about = {"study": key.study, "rater": rater, "session": f"{rater}-1", "number": number}
    return {**about, "task": task, "question": question, "answer": answer, **shown}


def ranked_lines(key: Key, rater: str, order: Callable[[str, str], Sequence[str]]) -> list[dict[str, Any]]:
    """All answers of a rater who puts the methods, worst first, as `order(task, question)` says."""
    lines = []
    for task in key.tasks:
        for question in key.questions:
            ranks = {method: rank for rank, method in enumerate(order(task, question), 1)}
            answer = {item: ranks[method] for item, method in key.tasks[task].items.items()}
            lines.append(line_of(key, rater, len(lines), task, question, answer))
    return lines


def write_lines(path: Path, lines: Sequence[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    return path


def simulated(key: Key, ranks: np.ndarray) -> Answers:
    """(R, T, M) ranks, NaN where nothing was answered, as answers to the first question."""
    empty = Answer("", "s", 0, "", key.questions[0], {}, "", (), 0.0, "")
    answers = []
    for rater, row in enumerate(ranks):
        for task, given in zip(key.tasks, row, strict=True):
            if np.isfinite(given).all():
                by_method = dict(zip(key.methods, map(int, given), strict=True))
                items = {item: by_method[method] for item, method in key.tasks[task].items.items()}
                answers.append(replace(empty, rater=str(rater + 1), task=task, ranks=items, order=tuple(items)))
    return Answers(tuple(answers), ())
