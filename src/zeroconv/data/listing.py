"""Which pictures, captions and condition images a folder holds, in the layouts that people have.

tutorial      prompt.json, one JSON object a line: source (condition), target (picture), prompt
imagefolder   metadata.jsonl or metadata.csv of Hugging Face datasets: file_name, text, <condition>_file_name ...
sidecars      pictures, each with its caption in a text file of the same name; condition images of the same names in
              another folder (the layout of kohya's conditioning_data_dir)
coco          captions*.json, person_keypoints*.json, panoptic*.json or instances*.json beside their pictures
ade20k        images/SPLIT/*.jpg and annotations/SPLIT/*.png
webdataset    tar shards: KEY.png or KEY.jpg, KEY.txt, KEY.<condition>.png
"""

import csv
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from zeroconv import conditions
from zeroconv.data.ade20k import find_split, read_split
from zeroconv.data.coco import find_annotations, read_annotations
from zeroconv.data.entry import Entry, Read
from zeroconv.data.webdataset import INDEX, Sample, find_shards, samples
from zeroconv.errors import UserError
from zeroconv.scenes.folder import SETTINGS

PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff")
CAPTIONS = (".txt", ".caption")
ENCODING = "utf-8-sig"
"""UTF-8, with or without the mark with which some editors begin."""
TUTORIAL = ("prompt.json", "prompt.jsonl")
METADATA = ("metadata.jsonl", "metadata.csv")
LISTS = (*METADATA, TUTORIAL[0])
CAPTION_KEYS = ("text", "caption", "prompt")
CONDITION_KEYS = ("conditioning_image", "condition", "source")
"""Names of a condition image that do not say which condition it is; each also with _file_name."""


ANNOTATED = ("coco", "ade20k")
"""Layouts whose condition images are the truth, drawn from annotations."""

Parse = Callable[[], Mapping[str, Any]]


@dataclass(frozen=True)
class Listing:
    """What a folder holds."""

    layout: str
    entries: tuple[Entry, ...]


def list_folder(folder: Path, condition: str, ready: Path | None = None, problems: list[str] | None = None) -> Listing:
    """The examples of a folder for a condition (canonical name), sorted as the folder lists them.

    ready  a folder of condition images with the pictures' names, for the layout `sidecars`.
    problems  collects what is wrong with single examples, which are then left out.
    UserError where the folder, or (without `problems`) a line of its list or a file is missing, or it holds no picture.
    """
    if not is_listed(folder):
        raise UserError(f"--data must name a folder of pictures, or tar shards as data/*.tar; {folder} is none")
    if ready is not None:
        return _non_empty(folder, "sidecars", _sidecars(folder, ready), problems)
    for layout, names, read in (("tutorial", TUTORIAL, _tutorial), ("imagefolder", METADATA, _imagefolder)):
        for name in names:
            if (folder / name).is_file():
                return _non_empty(folder, layout, read(folder, folder / name, condition), problems)
    _refuse_unfinished(folder)
    for layout, reads in _others(folder, condition):
        return _non_empty(folder, layout, reads, problems)
    return _non_empty(folder, "sidecars", _sidecars(folder, None), problems)


def is_listed(place: Path) -> bool:
    """Whether a path is something of which the examples can be listed: a folder, tar shards or COCO's annotations."""
    return place.is_dir() or bool(find_shards(place)) or (place.is_file() and find_annotations(place) is not None)


def _others(place: Path, condition: str) -> Iterator[tuple[str, Iterator[Read]]]:
    """The layouts that are told by other files than a list."""
    if shards := find_shards(place):
        yield "webdataset", _webdataset(shards, condition)
    if annotations := find_annotations(place):
        yield "coco", read_annotations(annotations, condition)
    if split := find_split(place):
        yield "ade20k", read_split(split, condition)


def _non_empty(folder: Path, layout: str, reads: Iterator[Read], problems: list[str] | None) -> Listing:
    entries = []
    for read in reads:
        try:
            entries.append(read())
        except UserError as error:
            if problems is None:
                raise
            problems.append(str(error))
    if not entries and problems:
        raise UserError(f"no example of {folder} can be used: {problems[0]}")
    if not entries:
        raise UserError(f"{folder} holds no pictures ({', '.join(PICTURES)})")
    return Listing(layout, tuple(entries))


def _tutorial(folder: Path, file: Path, condition: str) -> Iterator[Read]:
    def read(where: str, parse: Parse) -> Entry:
        row = parse()
        source, target = _text(row, "source", where), _text(row, "target", where)
        return Entry(target, _file(folder, target, where), _caption(row), _file(folder, source, where))

    return (partial(read, *row) for row in _rows(file))


def _imagefolder(folder: Path, file: Path, condition: str) -> Iterator[Read]:
    known = conditions.kind(condition)
    spellings = [name.replace("-", "_") for name in (known.name, *known.aliases)]
    is_ours = (folder / SETTINGS).is_file()  # in a built set `source` is the photograph's name
    keys = [key for name in (*spellings, *(() if is_ours else CONDITION_KEYS)) for key in (f"{name}_file_name", name)]

    def read(where: str, parse: Parse) -> Entry:
        row = parse()
        picture = _text(row, "file_name", where)
        given = next((row[key] for key in keys if isinstance(row.get(key), str) and row[key]), None)
        ready = None if given is None else _file(folder, given, where)
        return Entry(picture, _file(folder, picture, where), _caption(row), ready)

    return (partial(read, *row) for row in _rows(file))


def _refuse_unfinished(folder: Path) -> None:
    """UserError for a set without its list, which is written last: its condition images would pass for pictures."""
    if (folder / SETTINGS).is_file() and not (folder / INDEX).is_file():
        raise UserError(f"{folder} is a data set that is not finished; the command that makes it goes on with it")


def _webdataset(shards: Sequence[Path], condition: str) -> Iterator[Read]:
    def read(given: Callable[[], Sample]) -> Entry:
        sample = given()
        return Entry(sample.key, sample.picture(), sample.caption(CAPTION_KEYS), sample.condition(condition))

    return (partial(read, given) for given in samples(shards))


def _sidecars(folder: Path, ready: Path | None) -> Iterator[Read]:
    if ready is not None and not ready.is_dir():
        raise UserError(f"conditions= must name a folder of condition images; {ready} is none")
    conditions_by_name = {} if ready is None else {_stem(ready, p): p for p in pictures_in(ready)}

    def read(picture: Path) -> Entry:
        stem = _stem(folder, picture)
        if ready is not None and stem not in conditions_by_name:
            raise UserError(f"{picture} has no condition image: expected {ready / stem}.png (or another picture type)")
        name = picture.relative_to(folder).as_posix()
        return Entry(name, picture, caption_beside(picture), conditions_by_name.get(stem))

    return (partial(read, picture) for picture in pictures_in(folder))


def caption_beside(picture: Path) -> str:
    """The text in the file beside a picture; empty where there is none."""
    texts = (picture.with_suffix(suffix) for suffix in CAPTIONS)
    there = (text for text in texts if os.path.isfile(text))  # noqa: PTH113 - is_file() raises for names too long
    return next(map(_read_caption, there), "")


def _read_caption(text: Path) -> str:
    try:
        return text.read_text(ENCODING).strip()
    except UnicodeDecodeError as error:
        raise UserError(f"{text} is not in UTF-8 ({error.reason} at byte {error.start}); save it as UTF-8") from error


def is_picture(name: str) -> bool:
    """Whether a file's name is that of a picture."""
    return name.lower().endswith(PICTURES)


def pictures_in(folder: Path, others: tuple[str, ...] = ()) -> list[Path]:
    """The files of a folder and all below it that are pictures by their names, sorted; hidden ones are none.

    others: suffixes of more files that are wanted.
    """
    wanted = (*PICTURES, *others)
    found = (path for path in folder.rglob("*") if path.suffix.lower() in wanted and not path.name.startswith("."))
    return sorted(path for path in found if path.is_file())


def _stem(folder: Path, path: Path) -> str:
    return path.relative_to(folder).with_suffix("").as_posix()


def _rows(file: Path) -> Iterator[tuple[str, Parse]]:
    """Each line's place in words, and what reads it."""
    try:
        with file.open(encoding=ENCODING, newline="") as lines:
            if file.suffix == ".csv":
                for number, row in enumerate(csv.DictReader(lines), 2):
                    yield f"{file}, line {number}", partial(dict, row)
                return
            for number, line in enumerate(lines, 1):
                if line.strip():
                    where = f"{file}, line {number}"
                    yield where, partial(_object, line, where)
    except UnicodeDecodeError as error:
        raise UserError(f"{file} is not in UTF-8 ({error.reason}); save it as UTF-8") from error


def _object(line: str, where: str) -> Mapping[str, Any]:
    try:
        row = json.loads(line)
    except json.JSONDecodeError as error:
        raise UserError(f"{where} is no JSON object ({error.msg})") from error
    if not isinstance(row, dict):
        raise UserError(f"{where} is no JSON object, but {type(row).__name__}")
    return row


def _text(row: Mapping[str, Any], key: str, where: str) -> str:
    value = row.get(key)
    if not isinstance(value, str) or not value:
        raise UserError(f"{where} has no {key}: expected a path below the folder, got {value!r}")
    return value


def _caption(row: Mapping[str, Any]) -> str:
    """The first caption there is; of several the first."""
    for key in CAPTION_KEYS:
        value = row.get(key)
        if isinstance(value, list) and value:
            value = value[0]
        if isinstance(value, str):
            return value
    return ""


def _file(folder: Path, name: str, where: str) -> Path:
    path = folder / name
    if not path.is_file():
        raise UserError(f"{where} names {name}, which {folder} does not hold")
    return path
