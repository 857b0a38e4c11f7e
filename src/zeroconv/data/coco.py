"""COCO as a source: captions as texts, keypoints as poses, panoptic or instance masks as segmentation images.

The annotations are files of the names captions*.json, person_keypoints*.json, panoptic*.json and instances*.json, in
the folder itself or in FOLDER/annotations, the pictures in FOLDER/SPLIT, FOLDER/images/SPLIT or FOLDER/images. Source:
arXiv:1405.0312 and https://cocodataset.org/#format-data. Classes have the colours of conditions/coco.py; a set of
COCO's form with other classes is refused, since their colours would mean something else.
"""

import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from zeroconv.conditions import coco
from zeroconv.data.coco_images import DrawnMasks, DrawnPoses, PanopticMap, from_largest
from zeroconv.data.entry import Entry, Read
from zeroconv.data.places import Stored
from zeroconv.errors import UserError

_NAME = re.compile(r"(captions|person_keypoints|panoptic|instances)(?:_(.+))?\.json")

Content = Mapping[str, Any]


@dataclass(frozen=True)
class Annotations:
    """The annotation files of one split."""

    folder: Path
    split: str
    """As train2017; empty where the files' names have none."""
    files: Mapping[str, Path]
    """By what they hold: captions, person_keypoints, panoptic, instances."""

    def pictures(self, images: Sequence[Content]) -> Path:
        """The folder that holds the listed pictures; UserError where none does."""
        roots = [self.folder.parent, self.folder] if self.folder.name == "annotations" else [self.folder]
        places = [root / below for root in roots for below in (self.split, f"images/{self.split}", "images", "")]
        for place in places:
            if any((place / str(image["file_name"])).is_file() for image in images[:100]):
                return place
        looked = ", ".join(dict.fromkeys(map(str, places)))
        raise UserError(f"none of the pictures that {self.folder} lists is in {looked}; expected them beside it")


def find_annotations(place: Path) -> Annotations | None:
    """The annotations that a folder holds or a JSON file belongs to; None where it is not COCO's.

    UserError where a folder holds several splits.
    """
    if place.is_file():
        match = _NAME.fullmatch(place.name)
        return None if match is None else _splits(place.parent)[match[2] or ""]
    for folder in (place / "annotations", place):
        found = _splits(folder)
        if len(found) > 1:
            example = folder / f"captions_{sorted(found)[0]}.json"
            raise UserError(f"{folder} holds the splits {', '.join(sorted(found))}; name a file of one, as {example}")
        if found:
            return next(iter(found.values()))
    return None


def read_annotations(found: Annotations, condition: str) -> Iterator[Read]:
    """The examples of a split for a condition, by the names of their pictures.

    For pose those with persons, for segmentation those with masks, for any other all of them, without ready images.
    """
    contents = {kind: _content(path) for kind, path in found.files.items() if kind in _needed(found, condition)}
    drawn = _drawn(found, condition, contents)
    images = {image["id"]: image for content in reversed(contents.values()) for image in content["images"]}
    ordered = sorted(images.values(), key=lambda image: str(image["file_name"]))
    folder, captions = found.pictures(ordered), _captions(contents.get("captions"))
    for image in ordered:
        if drawn is None or image["id"] in drawn:
            made = None if drawn is None else drawn[image["id"]]
            yield partial(_entry, folder, str(image["file_name"]), captions.get(image["id"], ""), made)


def _entry(folder: Path, name: str, caption: str, made: Stored | None) -> Entry:
    if not (folder / name).is_file():
        raise UserError(f"the annotations list {name}, which {folder} does not hold")
    return Entry(name, folder / name, caption, made)


def _splits(folder: Path) -> dict[str, Annotations]:
    files: defaultdict[str, dict[str, Path]] = defaultdict(dict)
    for path in sorted(folder.glob("*.json")):
        match = _NAME.fullmatch(path.name)
        if match and (match[2] or _is_annotation(path)):
            files[match[2] or ""][match[1]] = path
    return {split: Annotations(folder, split, found) for split, found in files.items()}


def _is_annotation(path: Path) -> bool:
    """Whether a file of a plain name as captions.json is COCO's, and not somebody's list of captions."""
    try:
        _content(path)
    except UserError:
        return False
    return True


def _content(path: Path) -> Content:
    try:
        content = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be read as JSON ({error})") from error
    lists = ("images", "annotations")
    if not isinstance(content, dict) or not all(isinstance(content.get(key), list) for key in lists):
        raise UserError(f"{path} is no COCO annotation: expected an object with the lists 'images' and 'annotations'")
    return content


def _needed(found: Annotations, condition: str) -> tuple[str, ...]:
    """The files to be read: instances are large and so only where nothing else tells."""
    kinds: dict[str, tuple[str, ...]] = {"pose": ("person_keypoints",), "segmentation": ("panoptic", "instances")}
    wanted = next((kind for kind in kinds.get(condition, ()) if kind in found.files), None)
    if wanted is None and "captions" not in found.files:
        wanted = next(iter(found.files))
    return ("captions", *([wanted] if wanted else []))


def _drawn(found: Annotations, condition: str, contents: Mapping[str, Content]) -> dict[Any, Stored] | None:
    """The condition images by the picture's id; None where the annotations do not have the condition."""
    draw: Callable[[Path, Content], dict[Any, Stored]]
    for kind, of, draw in (
        ("person_keypoints", "pose", _poses),
        ("panoptic", "segmentation", _panoptic),
        ("instances", "segmentation", _masks),
    ):
        if condition == of and kind in contents:
            try:
                return draw(found.files[kind], contents[kind])
            except (KeyError, TypeError, ValueError, AttributeError) as error:
                if isinstance(error, UserError):
                    raise
                raise UserError(f"{found.files[kind]} is not as COCO writes it ({error!r})") from error
    return None


def _captions(content: Content | None) -> dict[Any, str]:
    """The first of each picture's captions."""
    captions: dict[Any, str] = {}
    for annotation in sorted(content["annotations"] if content else (), key=lambda one: int(one["id"])):
        captions.setdefault(annotation["image_id"], str(annotation["caption"]).strip())
    return captions


def _poses(file: Path, content: Content) -> dict[Any, Stored]:
    persons: defaultdict[Any, list[Any]] = defaultdict(list)
    for one in content["annotations"]:
        if one.get("num_keypoints") and not one.get("iscrowd"):
            persons[one["image_id"]].append(np.array(one["keypoints"], np.float32).reshape(17, 3))
    sizes = _sizes(content)
    return {key: DrawnPoses(f"{file}, image {key}", sizes[key], np.stack(found)) for key, found in persons.items()}


def _masks(file: Path, content: Content) -> dict[Any, Stored]:
    _check_classes(file, content)
    objects: defaultdict[Any, list[Any]] = defaultdict(list)
    for one in content["annotations"]:
        objects[one["image_id"]].append(one)
    sizes = _sizes(content)
    return {key: DrawnMasks(f"{file}, image {key}", sizes[key], from_largest(all_)) for key, all_ in objects.items()}


def _panoptic(file: Path, content: Content) -> dict[Any, Stored]:
    _check_classes(file, content)
    return {
        one["image_id"]: PanopticMap(
            file.with_suffix("") / one["file_name"],
            tuple((int(segment["id"]), int(segment["category_id"])) for segment in one["segments_info"]),
        )
        for one in content["annotations"]
    }


def _sizes(content: Content) -> dict[Any, tuple[int, int]]:
    return {image["id"]: (int(image["height"]), int(image["width"])) for image in content["images"]}


def _check_classes(file: Path, content: Content) -> None:
    for category in content["categories"]:
        known = coco.NAMES.get(category["id"])
        if known != category["name"]:
            theirs = "has none" if known is None else f"has {known!r}"
            raise UserError(
                f"{file}: class {category['id']} is {category['name']!r}, where COCO {theirs}; segmentation images "
                f"have colours for COCO's {len(coco.NAMES)} classes alone"
            )
