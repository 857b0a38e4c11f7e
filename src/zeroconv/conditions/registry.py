"""The register of conditions: names, aliases, what each image means, and which can be made from a picture.

Shapes: H, W the picture's height and width; a condition image is uint8 (H, W, 3).
"""

import contextlib
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from dataclasses import fields as fields_of
from pathlib import Path
from typing import Any, ClassVar, Literal, Protocol, TypeVar, cast, runtime_checkable

import cv2
import numpy as np

from zeroconv import fields
from zeroconv.errors import UserError, nearest
from zeroconv.images import read_image
from zeroconv.notes import note

Resize = Literal["nearest", "linear"]
"""How a condition image may be scaled: nearest keeps its exact colours (classes, limbs), linear its slopes."""


class Extractor(Protocol):
    """A frozen dataclass whose fields are its options: called with a picture it returns the condition image."""

    value_range: ClassVar[tuple[float, float]]
    """What 0 and 255 become before the network sees them."""
    polarity: ClassVar[str]
    """What bright and dark mean."""
    channel_order: ClassVar[str]
    """Order of the three channels the network was trained with."""
    resize_filter: ClassVar[Resize]
    native_resolution: ClassVar[int | None]
    """Short side, in pixels, at which it works best; None: the picture's own."""

    def __call__(self, image: np.ndarray) -> np.ndarray:
        """image uint8 (H, W, 3), RGB; grey and RGBA too -> uint8 (H, W, 3), same size, deterministic."""
        ...


@runtime_checkable
class ReadsMany(Protocol):
    """An extractor whose network sees several pictures at once."""

    def many(self, images: Sequence[np.ndarray]) -> list[np.ndarray]:
        """What it makes of each alone, to 1/255, in the same order; pictures of one size are seen side by side."""
        ...


@runtime_checkable
class ReadsFiles(Protocol):
    """An extractor that makes its image from files that are no pictures too, as depth in .npy or poses in JSON."""

    file_types: ClassVar[tuple[str, ...]]
    """Suffixes of the files that cannot be pictures."""

    def from_file(self, path: Path) -> np.ndarray | None:
        """The condition image uint8 (H, W, 3); None where the file is a picture to be looked at.

        PictureError for a file that is neither.
        """
        ...


@runtime_checkable
class WritesJson(Protocol):
    """An extractor whose findings can be written as text, to be edited and drawn again."""

    def to_json(self, image: np.ndarray) -> str:
        """What it finds in a picture uint8 (H, W, 3)."""
        ...


@dataclass(frozen=True)
class Kind:
    """One condition: its names, how its image reads, and what makes it from a picture."""

    name: str
    aliases: tuple[str, ...]
    polarity: str
    resize_filter: Resize
    value_range: tuple[float, float] = (0.0, 1.0)
    channel_order: str = "RGB"
    extractor: type | None = None
    """None: there is no extractor for pictures yet; its images can be given ready."""

    @property
    def is_drawing(self) -> bool:
        """Whether it is light lines on black, so that a mostly bright image is upside down."""
        return self.polarity == "white on black"


_KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind("canny", (), "white on black", "linear"),
        Kind("hough", ("mlsd", "lines", "straight-lines"), "white on black", "nearest"),
        Kind("hed", ("softedge", "soft-edge"), "white on black", "linear"),
        Kind("scribble", ("sketch", "scribbles"), "white on black", "nearest"),
        Kind("pose", ("openpose", "dwpose"), "coloured limbs on black", "nearest"),
        Kind("segmentation", ("seg", "ade20k"), "one colour a class", "nearest"),
        Kind("depth", ("midas", "depth-midas"), "near is bright", "linear"),
        Kind("normal", ("normalbae", "normal-bae", "normals"), "x, y, z of the normal as red, green, blue", "linear"),
        Kind("lineart", ("line-art", "lineart-realistic"), "white on black", "linear"),
        Kind("custom", ("own",), "whatever the ControlNet was trained on", "linear"),
    )
}

_Class = TypeVar("_Class", bound=type)


def condition(name: str, aliases: tuple[str, ...] = ()) -> Callable[[_Class], _Class]:
    """Registers the frozen dataclass below as what makes the condition `name` from a picture."""

    def register(extractor: _Class) -> _Class:
        declared = cast(Extractor, extractor)
        before = _KINDS.get(name)
        _KINDS[name] = Kind(
            name,
            tuple(dict.fromkeys((*(before.aliases if before else ()), *aliases))),
            declared.polarity,
            declared.resize_filter,
            declared.value_range,
            declared.channel_order,
            extractor,
        )
        return extractor

    return register


def names() -> tuple[str, ...]:
    """Every condition by its own name, those that can be made from a picture and those that can only be given."""
    return tuple(_KINDS)


def extractable() -> tuple[str, ...]:
    """The conditions that can be made from a picture."""
    return tuple(name for name, known in _KINDS.items() if known.extractor is not None)


def canonical(name: str) -> str:
    """The condition's own name for it or one of its aliases; UserError with the nearest name otherwise."""
    wanted = name.strip().lower().replace("_", "-")
    for known in _KINDS.values():
        if wanted in (known.name, *known.aliases):
            return known.name
    spellings = [spelling for known in _KINDS.values() for spelling in (known.name, *known.aliases)]
    raise UserError(f"unknown condition {name!r}; {nearest(wanted, spellings)}")


def kind(name: str) -> Kind:
    """What is known about a condition, by any of its names."""
    return _KINDS[canonical(name)]


def create(name: str, **options: object) -> Extractor:
    """What makes the condition from a picture, with these options (texts are understood too); UserError if unknown."""
    known = kind(name)
    if known.extractor is None:
        able = ", ".join(extractable())
        raise UserError(
            f"{known.name} cannot be made from a picture yet (only: {able}); give its image ready, with ready=yes"
        )
    return cast(Extractor, fields.build(known.extractor, dict(options), of=known.name))


def annotate(name: str, image: np.ndarray, options: Mapping[str, object] | None = None) -> np.ndarray:
    """The condition image uint8 (H, W, 3) of a picture; warns when it came out empty."""
    made = create(name, **(options or {}))(image)
    for doubt in doubts(name, made):
        note(doubt, stacklevel=2)
    return made


def annotate_many(
    name: str, images: Sequence[np.ndarray], options: Mapping[str, object] | None = None
) -> list[np.ndarray]:
    """The condition image uint8 (H, W, 3) of each picture, in order; together where the condition's network can."""
    made = extract_many(create(name, **(options or {})), images)
    for doubt in dict.fromkeys(doubt for each in made for doubt in doubts(name, each)):
        note(doubt, stacklevel=2)
    return made


def extract_many(extractor: Extractor, images: Sequence[np.ndarray]) -> list[np.ndarray]:
    """The condition image uint8 (H, W, 3) of each picture, in order; together where its network can."""
    return extractor.many(images) if isinstance(extractor, ReadsMany) else [extractor(image) for image in images]


def annotate_file(name: str, path: Path, options: Mapping[str, object] | None = None) -> np.ndarray:
    """The condition image uint8 (H, W, 3) of a file: a picture, or what else the condition reads, as poses in JSON."""
    made = from_file(name, path, options)
    if made is None:
        return annotate(name, np.asarray(read_image(path)), options)
    for doubt in doubts(name, made):
        note(doubt, stacklevel=2)
    return made


def from_file(name: str, path: Path, options: Mapping[str, object] | None = None) -> np.ndarray | None:
    """The condition image uint8 (H, W, 3) of a file that is no picture, as poses in JSON; None where it is one."""
    extractor = create(name, **(options or {}))
    return extractor.from_file(path) if isinstance(extractor, ReadsFiles) else None


def file_types(extractor: Extractor) -> tuple[str, ...]:
    """Suffixes of the files besides pictures from which the image is made, as .json; empty where there are none."""
    return extractor.file_types if isinstance(extractor, ReadsFiles) else ()


def recorded(extractor: Extractor) -> dict[str, Any]:
    """The options on which its images depend; where a network runs is none of them."""
    return {field.name: getattr(extractor, field.name) for field in fields_of(cast(Any, extractor)) if field.compare}


def doubts(name: str, image: np.ndarray) -> tuple[str, ...]:
    """What looks wrong about a condition image uint8 (H, W, 3): empty, or upside down in brightness."""
    known = kind(name)
    if int(image.min()) == int(image.max()):
        return (f"the {known.name} image is empty (every pixel is {int(image.max())}): it controls nothing",)
    if known.is_drawing and float(image.mean()) > 127.5:
        return (f"the {known.name} image is mostly bright, but {known.name} is {known.polarity}: is it inverted?",)
    return ()


def picture(image: np.ndarray) -> np.ndarray:
    """uint8 (H, W), (H, W, 1), (H, W, 3) or (H, W, 4) -> uint8 (H, W, 3), transparency on white."""
    if image.dtype != np.uint8 or image.ndim not in (2, 3) or (image.ndim == 3 and image.shape[2] not in (1, 3, 4)):
        raise UserError(f"expected a uint8 picture (H, W, 3), got {image.dtype} {image.shape}")
    if image.ndim == 2 or image.shape[2] == 1:
        return np.repeat(image.reshape(*image.shape[:2], 1), 3, axis=2)
    if image.shape[2] == 4:
        alpha = image[:, :, 3:].astype(np.float32) / 255
        return np.rint(image[:, :, :3] * alpha + 255 * (1 - alpha)).astype(np.uint8)
    return np.ascontiguousarray(image)


def random_numbers(seed: int, image: np.ndarray) -> np.random.Generator:
    """What draws for this picture and this seed: the same every time, another for every other picture."""
    return np.random.default_rng((seed, zlib.crc32(np.ascontiguousarray(image).tobytes())))


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """OpenCV on one thread: the result is the same, and its own pool competes with torch's and hangs after a fork."""
    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(before)
