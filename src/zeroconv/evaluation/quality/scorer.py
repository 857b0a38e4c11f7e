"""Any pictures measured: those of a folder, of a list, or of a generator that draws them when they are asked for.

    report = score(Path("their_pictures"), reference=Path("photographs"), measures="fid,kid,clip-score")
    report = score(lambda prompt, seed: pipeline(prompt, ...).images[0], prompts=prompts, measures="clip-score")

Systems are compared by one `Scorer`: the networks and the reference are then read once.
N pictures, F features.
"""

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

import zeroconv
from zeroconv.base.hashing import weights_hash
from zeroconv.conditions.device import Device
from zeroconv.errors import UserError, nearest
from zeroconv.evaluation.frechet import Features
from zeroconv.evaluation.held_out import Picture, Progress, groups, silent
from zeroconv.evaluation.quality.aesthetic import aesthetic_scores, load_head
from zeroconv.evaluation.quality.backbone import Backbone
from zeroconv.evaluation.quality.measures import ENOUGH, MEASURES, chosen
from zeroconv.evaluation.quality.own_backbones import inception, scenes
from zeroconv.evaluation.quality.per_picture import Score, clip_score, scenes_score
from zeroconv.evaluation.quality.pictures import Generator, Pictures, of_folder, of_generator, of_list
from zeroconv.evaluation.quality.pretrained_backbones import clip, dino
from zeroconv.evaluation.report import Measure, Report, Stopwatch, captions_hash, picture_hash
from zeroconv.evaluation.statistics import CONFIDENCE, SEED, estimate_mean

REVISION = 1  # goes up when a measure of this folder changes its value
READ_TOGETHER = 32
WEIGHTS = ("inception", "clip", "dino", "scenes", "aesthetic")
"""What `weights` may name."""
INTERVALS = f"{CONFIDENCE:.0%} bootstrap over pictures (of distances: over both sets), seed {SEED}"

Given = Pictures | Path | str | Sequence[Image.Image | Picture] | Generator


def score(
    pictures: Given,
    *,
    reference: Given | None = None,
    prompts: Sequence[str] | None = None,
    measures: str = "scenes-fid,scenes-kid",
    weights: Mapping[str, str] | None = None,
    resize: str = "clean",
    device: Device = "auto",
    seed: int = 0,
    name: str | None = None,
    progress: Progress = silent,
) -> Report:
    """Measure one system's pictures -> a report, whose figures are report["fid"] and so on.

    pictures: a folder, a list of PIL pictures or uint8 (H, W, 3), or a callable (prompt, seed) -> picture, which is
    called once for each of `prompts`, with seed, seed + 1 ...
    reference: what distances are measured to. prompts: the captions; None: those that a folder holds.
    measures: names of `MEASURES` with commas between. weights: NAME of `WEIGHTS` -> folder, file or hub id.
    resize: how pictures come to Inception's size, "clean" or "pytorch". name: of the system, in the report.
    """
    scorer = Scorer(
        measures,
        reference=None if reference is None else as_pictures(reference),
        weights=weights,
        resize=resize,
        device=device,
        progress=progress,
    )
    return scorer.score(as_pictures(pictures, prompts, seed), name)


def as_pictures(given: Given, prompts: Sequence[str] | None = None, seed: int = 0) -> Pictures:
    """Whatever may be given as pictures, as such. UserError for a generator without prompts."""
    if isinstance(given, Pictures):
        return given
    if isinstance(given, (str, Path)):
        return of_folder(Path(given).expanduser(), prompts)
    if not callable(given):
        return of_list(given, prompts)
    if not prompts:
        raise UserError("a generator draws a picture for each prompt; give prompts")
    return of_generator(given, prompts, seed)


@dataclass(frozen=True, eq=False)
class _Read:
    """What was read of N pictures."""

    features: Mapping[str, Features]
    """By backbone."""
    scores: Mapping[str, Sequence[float | None]]
    """By measure, one value a picture."""
    hashes: tuple[str, ...]
    """16 hexadecimal digits for the pixels of each picture."""
    sizes: frozenset[tuple[int, int]]
    """The (width, height) that occur."""

    @property
    def pixels(self) -> str:
        """16 hexadecimal digits that name all pictures in their order, whatever their files are."""
        return captions_hash(self.hashes)


class Scorer:
    """The networks of some measures, and the features of what pictures are compared with."""

    def __init__(
        self,
        measures: str,
        *,
        reference: Pictures | None = None,
        weights: Mapping[str, str] | None = None,
        resize: str = "clean",
        device: Device = "auto",
        progress: Progress = silent,
    ) -> None:
        """As `score` takes them. UserError for what is missing, before anything is read."""
        self.measures = {name: MEASURES[name] for name in chosen(measures)}
        self.reference, self.progress = self._needed(reference), progress
        given = dict(weights or {})
        for name in given:
            if name not in WEIGHTS:
                raise UserError(f"no weights are called {name!r}; {nearest(name, WEIGHTS)}")
        loaders: Mapping[str, Callable[[str, Device], Backbone]]
        loaders = {"inception": partial(inception, resize=resize), "clip": clip, "dino": dino, "scenes": scenes}
        needed = dict.fromkeys(measured.backbone for measured in self.measures.values())
        self.backbones = {name: loaders[name](given.get(name, ""), device) for name in needed}
        self.head = load_head(given.get("aesthetic", "")) if "aesthetic" in self.measures else None
        self._scores = {name: self._score(name) for name, m in self.measures.items() if m.distance is None}

    def score(self, pictures: Pictures, name: str | None = None) -> Report:
        """Measure N >= 2 pictures; `name` is the system's, by default where the pictures come from."""
        self._check(pictures)
        watch = Stopwatch()
        with watch("reference"):
            compared = self._compared if self.reference is not None else None
        with watch("pictures"):
            read = self._read(pictures, "pictures", self.backbones, self._scores)
        with watch("distances and intervals"):
            measures = self._measures(read, compared)
        return Report(
            title=f"pictures: {name or pictures.source}",
            protocol=self._protocol(pictures, compared),
            subject={
                "name": name or pictures.source,
                "source": pictures.source,
                "pixels": read.pixels,
                "sizes": sorted(f"{width}x{height}" for width, height in read.sizes),
                "captions": captions_hash(pictures.captions),
            },
            measures=measures,
            rows=_rows(pictures, read),
            seconds=watch.seconds,
            interval=INTERVALS,
        )

    @cached_property
    def _compared(self) -> _Read:
        """The reference, of which only the features are needed that distances compare."""
        assert self.reference is not None
        names = {measured.backbone for measured in self.measures.values() if measured.distance}
        backbones = {name: backbone for name, backbone in self.backbones.items() if name in names}
        return self._read(self.reference, "reference", backbones, {})

    def _score(self, name: str) -> Score:
        backbone = self.backbones[self.measures[name].backbone]
        if name == "clip-score":
            return clip_score(backbone)
        if name == "scenes-score":
            return scenes_score(backbone)
        assert self.head is not None
        head = self.head
        return lambda pictures, captions, features: list(aesthetic_scores(head, features))

    def _needed(self, reference: Pictures | None) -> Pictures | None:
        """The reference if a measure compares with one; UserError where it is missing or too small."""
        distances = [name for name, measured in self.measures.items() if measured.distance]
        if distances and reference is None:
            wanted = "give a reference (--reference FOLDER, or scenes)"
            raise UserError(f"{distances[0]} compares with other pictures: {wanted}")
        if reference is not None and len(reference) < 2:
            raise UserError(f"the reference {reference.source} has one picture; expected two or more")
        if reference is not None and not distances:
            warnings.warn(
                f"none of {', '.join(self.measures)} compares with a reference: it has no effect", stacklevel=3
            )
            return None
        return reference

    def _check(self, pictures: Pictures) -> None:
        if len(pictures) < 2:
            raise UserError(f"{pictures.source}: at least 2 pictures are needed for an interval, got {len(pictures)}")
        told = [name for name, measured in self.measures.items() if measured.needs_captions]
        if told and not any(pictures.captions):
            raise UserError(
                f"{told[0]} needs captions, and {pictures.source} has none: expected a text file beside each picture, "
                f"or prompts (--prompts FILE, one a line)"
            )

    def _read(
        self, pictures: Pictures, what: str, backbones: Mapping[str, Backbone], scores: Mapping[str, Score]
    ) -> _Read:
        features: dict[str, list[Features]] = {name: [] for name in backbones}
        values: dict[str, list[float | None]] = {name: [] for name in scores}
        hashes, sizes = [], set()
        for numbers in self.progress(groups(range(len(pictures)), READ_TOGETHER), what):
            some, captions = [pictures.load(k) for k in numbers], [pictures.captions[k] for k in numbers]
            hashes += [picture_hash(picture) for picture in some]
            sizes |= {(picture.shape[1], picture.shape[0]) for picture in some}
            seen = {name: backbone.read(some) for name, backbone in backbones.items()}
            for name, value_of in scores.items():
                values[name] += value_of(some, captions, seen[self.measures[name].backbone])
            for name, found in seen.items():
                features[name].append(found)
        joined = {name: np.concatenate(parts) for name, parts in features.items()}
        return _Read(joined, values, tuple(hashes), frozenset(sizes))

    def _measures(self, read: _Read, compared: _Read | None) -> tuple[Measure, ...]:
        found = []
        for name, measured in self.measures.items():
            if measured.distance is None:
                values = [value for value in read.scores[name] if value is not None]
                if len(values) > 1:
                    found.append(Measure(name, measured.meaning, estimate_mean(values)))
                continue
            assert compared is not None
            own, others = read.features[measured.backbone], compared.features[measured.backbone]
            note = _too_few(own, others) if measured.grows_with_few else ""
            if note:
                warnings.warn(f"{name}: {note}", stacklevel=3)
            meaning = f"{measured.meaning}{'; ' if note else ''}{note}"
            found.append(Measure(name, meaning, measured.distance(own, others)))
        return tuple(found)

    def _protocol(self, pictures: Pictures, compared: _Read | None) -> dict[str, Any]:
        needs_captions = any(measured.needs_captions for measured in self.measures.values())
        return {
            "evaluation": "pictures",
            "zeroconv": zeroconv.__version__,
            "revision": REVISION,
            "measures": {n: {"meaning": m.meaning, "interval": m.interval} for n, m in self.measures.items()},
            "backbones": {n: {**b.settings, "weights": b.weights} for n, b in self.backbones.items()},
            "aesthetic": weights_hash(self.head)[:16] if self.head else None,
            "count": len(pictures),
            "captions": captions_hash(pictures.captions) if needs_captions else None,
            "reference": self._reference_protocol(compared) if compared else None,
        }

    def _reference_protocol(self, compared: _Read) -> dict[str, Any]:
        assert self.reference is not None
        settled = self.reference.recipe or {"pixels": compared.pixels}
        return {"count": len(self.reference), **settled}


def _too_few(own: Features, others: Features) -> str:
    """A clause where a Frechet distance of so few pictures is mostly an effect of their number; else nothing."""
    count, enough = min(len(own), len(others)), ENOUGH * own.shape[1]
    if count >= enough:
        return ""
    return f"{count} pictures a side are few, which enlarges it (of {own.shape[1]} features: {enough} or more)"


def _rows(pictures: Pictures, read: _Read) -> tuple[Mapping[str, Any], ...]:
    return tuple(
        {
            "number": k,
            "name": pictures.names[k],
            "seed": "" if pictures.seeds[k] is None else pictures.seeds[k],
            "caption": pictures.captions[k],
            "pixels": read.hashes[k],
            **{name: "" if values[k] is None else values[k] for name, values in read.scores.items()},
        }
        for k in range(len(pictures))
    )
