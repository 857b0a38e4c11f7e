"""A study from folders of pictures: the key, and what the page shows without it."""

import json
import random
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from zeroconv.errors import UserError
from zeroconv.evaluation.study.design import ranking_plans, single_plans
from zeroconv.evaluation.study.key import SYSTEMS, Key, Task, Test, opaque
from zeroconv.evaluation.study.pictures import Encoding, Format, files_hash, pictures_of, shared_names
from zeroconv.evaluation.study.questions import QUESTIONS, SYSTEM

MOST_METHODS = 9  # each rank is one key of the keyboard
TITLES: Mapping[Test, str] = {"ranking": "Which pictures are better?", "two-way": "Which system made the picture?"}

Folders = Mapping[str, Mapping[str, Path]]
"""Method -> its pictures by name."""


@dataclass(frozen=True)
class Settings:
    """How a study is made; the defaults are the paper's (12 raters, 20 groups; 100 teaching and 200 test pictures)."""

    test: Test = "ranking"
    """ranking: the pictures of all methods are ranked, group by group; two-way: which of two systems made this?"""
    groups: int = 20
    """ranking: groups of pictures, chosen by chance; all where there are fewer"""
    ties: bool = False
    """ranking: two pictures may share a rank"""
    teaching: int = 100
    """two-way: pictures of each system to learn from"""
    pictures: int = 200
    """two-way: test pictures, half of them of each system, none of them seen while learning"""
    raters: int = 12
    """for how many raters the orders are balanced; more may come"""
    seed: int = 0
    """chooses groups and orders"""
    title: str | None = None
    """heading of the page; none: the question of the test"""
    format: Format = "png"
    """how pictures are embedded: png, exactly; jpeg, of quality 95, a smaller page"""
    size: int | None = None
    """longest side in pixels to which all pictures are brought; none: as they are"""

    def __post_init__(self) -> None:
        """UserError for what makes no study."""
        least = {"groups": 1, "teaching": 1, "pictures": 2, "raters": 1, "size": 16, "seed": 0}
        for name, smallest in least.items():
            value = getattr(self, name)
            if value is not None and value < smallest:
                raise UserError(f"--{name} must be {smallest} or more, got {value}")
        if self.pictures % 2:
            raise UserError(f"--pictures must be even, half of each system; got {self.pictures}")

    @property
    def heading(self) -> str:
        """The title, or what the test asks."""
        return self.title or TITLES[self.test]


RANKING_ONLY, TWO_WAY_ONLY = ("groups", "ties", "condition"), ("teaching", "pictures")
"""Options without effect in the other test."""


@dataclass(frozen=True)
class Study:
    """A study that is ready to be written."""

    key: Key
    shown: Mapping[str, Any]
    """What the page holds: opaque names, orders, pictures as data URIs; plain JSON values."""


def make_study(
    folders: Mapping[str, Path], settings: Settings, condition: Path | None = None, secret: str | None = None
) -> Study:
    """Folders of pictures by method -> the study.

    condition  folder of the condition images, same names; prompts beside them (metadata.jsonl or NAME.txt) are shown.
    secret     what the opaque names are drawn from; None draws one.
    UserError where pictures are missing or too few.
    """
    _check_methods(tuple(folders), settings.test)
    pictures = {method: pictures_of(folder) for method, folder in folders.items()}
    maker = _Maker(folders, pictures, settings, secret or secrets.token_hex(16))
    return maker.ranking(condition) if settings.test == "ranking" else maker.two_way()


class _Maker:
    """What both tests share: the pictures, the dice, and how a picture gets its opaque name."""

    def __init__(self, folders: Mapping[str, Path], pictures: Folders, settings: Settings, secret: str) -> None:
        self.folders, self.pictures, self.settings, self.secret = folders, pictures, settings, secret
        self.methods = tuple(pictures)
        self.dice = random.Random(settings.seed)
        self.encoding = Encoding(settings.format, settings.size)
        self.images: dict[str, str] = {}
        self.used: list[Path] = []

    def ranking(self, condition: Path | None) -> Study:
        guides = {} if condition is None else pictures_of(condition)
        prompts = {} if condition is None else _prompts(condition)
        shared = shared_names({**self.pictures, "--condition": guides} if guides else self.pictures)
        chosen = sorted(self.dice.sample(shared, min(self.settings.groups, len(shared))))
        tasks, shown = {}, []
        for name in chosen:
            items = {self._embed(method, self.pictures[method][name], name): method for method in self.methods}
            ordered = sorted(items)  # by opaque names, which is an order of chance
            tasks[opaque(self.secret, "task", name)] = Task(name, {item: items[item] for item in ordered})
            about: dict[str, Any] = {"id": opaque(self.secret, "task", name), "items": ordered}
            if guides:
                about |= {"guide": self._embed("", guides[name], name), "prompt": prompts.get(name, "")}
            shown.append(about)
        asked = [question for question in QUESTIONS.values() if guides or not question.needs_condition]
        order_of = [[list(task.items.values()).index(method) for method in self.methods] for task in tasks.values()]
        plans = [
            [[task, [order_of[task][method] for method in order]] for task, order in plan]
            for plan in ranking_plans(len(chosen), len(self.methods), self.settings.raters, self.dice)
        ]
        return self._study(tasks, shown, plans, tuple(q.name for q in asked), {"questions": [asdict(q) for q in asked]})

    def two_way(self) -> Study:
        names = shared_names(self.pictures)
        teaching, pictures = self.settings.teaching, self.settings.pictures
        if len(names) < teaching + pictures:
            raise UserError(
                f"{teaching} teaching and {pictures} test pictures need {teaching + pictures} shared names, the "
                f"folders have {len(names)}; give smaller --teaching and --pictures, or more pictures"
            )
        chosen = self.dice.sample(names, teaching + pictures)
        systems = dict(zip(SYSTEMS, self.dice.sample(self.methods, 2), strict=True))
        taught = {
            letter: sorted(self._embed(method, self.pictures[method][name], name) for name in chosen[:teaching])
            for letter, method in systems.items()
        }
        sides = [*self.methods] * (pictures // 2)
        self.dice.shuffle(sides)
        tasks, shown = {}, []
        for name, method in zip(chosen[teaching:], sides, strict=True):
            item = self._embed(method, self.pictures[method][name], name)
            tasks[opaque(self.secret, "task", name)] = Task(name, {item: method})
            shown.append({"id": opaque(self.secret, "task", name), "items": [item]})
        plans = [
            [[task, list(order)] for task, order in plan]
            for plan in single_plans(pictures, self.settings.raters, self.dice)
        ]
        return self._study(tasks, shown, plans, (SYSTEM,), {"teaching": taught}, systems)

    def _embed(self, method: str, path: Path, name: str) -> str:
        """The opaque name of a method's picture, whose data goes into the page; the condition image has no method."""
        item = opaque(self.secret, "picture", method, name)
        self.images[item] = self.encoding.data(path)
        self.used.append(path)
        return item

    def _study(
        self,
        tasks: Mapping[str, Task],
        shown: Sequence[Mapping[str, Any]],
        plans: Sequence[Any],
        questions: tuple[str, ...],
        more: Mapping[str, Any],
        systems: Mapping[str, str] | None = None,
    ) -> Study:
        settings = self.settings
        made = {
            **{name: value for name, value in asdict(settings).items() if name not in _idle_options(settings.test)},
            "plans": len(plans),
            "folders": {method: str(folder) for method, folder in self.folders.items()},
            "pictures_hash": files_hash(self.used),
        }
        name = opaque(self.secret, "study")
        title, test, ties = settings.heading, settings.test, settings.ties
        key = Key(name, title, test, self.methods, questions, ties, tasks, systems or {}, made)
        common = {"id": name, "test": test, "title": title, "ties": ties}
        images = {item: self.images[item] for item in sorted(self.images)}
        return Study(key, {**common, **more, "tasks": shown, "plans": plans, "images": images})


def _idle_options(test: Test) -> tuple[str, ...]:
    return TWO_WAY_ONLY if test == "ranking" else RANKING_ONLY


def _check_methods(methods: Sequence[str], test: Test) -> None:
    if test == "two-way" and len(methods) != 2:
        raise UserError(f"the two-way test takes two --method NAME=DIR, got {len(methods)}")
    if not 2 <= len(methods) <= MOST_METHODS:
        raise UserError(f"a ranking takes 2 to {MOST_METHODS} --method NAME=DIR, got {len(methods)}")


def _prompts(folder: Path) -> dict[str, str]:
    """Name without suffix -> prompt, from metadata.jsonl (file_name, text) and from text files beside the pictures."""
    prompts = {path.stem: path.read_text("utf-8").strip() for path in sorted(folder.glob("*.txt"))}
    for place in (folder, folder.parent):
        if (place / "metadata.jsonl").is_file():
            return prompts | _listed_prompts(place / "metadata.jsonl")
    return prompts


def _listed_prompts(path: Path) -> dict[str, str]:
    try:
        rows = [json.loads(line) for line in path.read_text("utf-8").splitlines() if line.strip()]
        return {Path(row["file_name"]).stem: str(row["text"]) for row in rows}
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path} must hold JSON lines with file_name and text; got {error}") from error
