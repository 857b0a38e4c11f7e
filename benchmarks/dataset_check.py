"""What `zeroconv dataset check` finds: recall of planted faults, and what it says of sound sets.

    python benchmarks/dataset_check.py SETS --photos FOLDER

The sound sets lie in SETS, where they are made if they are not there: rendered scenes with their exact conditions, and
photographs with conditions made by the algorithms. Each fault is planted into 1, 5 and 20 % of the pairs of a set, the
same ones each time. A cell says of how many sets the check spoke, and which share of the planted pairs it named;
false alarms are pairs that it named besides, but did not in the sound set. Nothing of it depends on the speed of
the machine.
"""

import argparse
import dataclasses
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageEnhance

from zeroconv import conditions
from zeroconv.data.entry import Entry
from zeroconv.data.listing import list_folder, pictures_in
from zeroconv.data.places import Place, read_place
from zeroconv.dataset import Plan, build
from zeroconv.dataset.check import Finding, check
from zeroconv.dataset.measure import Edges, Measured, edges, fits, looked_at, measure, usual_of
from zeroconv.scenes.export import SceneExport, export_scenes

SHARES = (0.01, 0.05, 0.2)
OF_SCENES = ("canny", "hough", "hed", "scribble", "lineart", "pose", "segmentation", "depth", "normal")
OF_PHOTOS = ("canny", "hough", "hed", "scribble", "lineart")
SIZE = 128
Pixels = np.ndarray
Pairs = Sequence[Entry]


@dataclass(frozen=True)
class Held:
    """A picture in memory."""

    pixels: Pixels

    def read(self) -> Image.Image:
        return Image.fromarray(self.pixels)

    def fingerprint(self) -> str:
        return ""


@dataclass(frozen=True)
class Fault:
    """One thing that goes wrong with pairs, and the check that should say so."""

    name: str
    checks: tuple[str, ...]
    plant: Callable[[Pairs, Sequence[int]], dict[int, Entry]]
    """All pairs and the places of those to spoil -> these, spoilt."""
    conditions: tuple[str, ...] = OF_SCENES


def pixels(place: Place | None) -> Pixels:
    assert place is not None
    return np.asarray(read_place(place))


def of_condition(how: Callable[[Pixels], Pixels]) -> Callable[[Pairs, Sequence[int]], dict[int, Entry]]:
    def plant(pairs: Pairs, places: Sequence[int]) -> dict[int, Entry]:
        return {k: dataclasses.replace(pairs[k], condition=Held(how(pixels(pairs[k].condition)))) for k in places}

    return plant


def of_picture(how: Callable[[Image.Image], Image.Image]) -> Callable[[Pairs, Sequence[int]], dict[int, Entry]]:
    def plant(pairs: Pairs, places: Sequence[int]) -> dict[int, Entry]:
        return {
            k: dataclasses.replace(pairs[k], picture=Held(np.asarray(how(read_place(pairs[k].picture)))))
            for k in places
        }

    return plant


def exchanged(pairs: Pairs, places: Sequence[int]) -> dict[int, Entry]:
    """Each has the condition of the next one."""
    nexts = [*places[1:], places[0]]
    return {k: dataclasses.replace(pairs[k], condition=pairs[n].condition) for k, n in zip(places, nexts, strict=True)}


def copied(how: Callable[[Image.Image], Image.Image]) -> Callable[[Pairs, Sequence[int]], dict[int, Entry]]:
    """Each is an earlier pair again, its picture changed a little."""

    def plant(pairs: Pairs, places: Sequence[int]) -> dict[int, Entry]:
        free, spoilt = [k for k in range(len(pairs)) if k not in places], {}
        for number, k in enumerate(places):
            original = pairs[free[number % sum(place < k for place in free)]]
            picture = Held(np.asarray(how(read_place(original.picture))))
            spoilt[k] = dataclasses.replace(original, name=pairs[k].name, picture=picture)
        return spoilt

    return plant


def captioned(text: str) -> Callable[[Pairs, Sequence[int]], dict[int, Entry]]:
    return lambda pairs, places: {k: dataclasses.replace(pairs[k], caption=text) for k in places}


def cut(image: Pixels) -> Pixels:
    return image[: image.shape[0] * 3 // 4]


def shifted(image: Pixels) -> Pixels:
    """An eighth of the picture to the right, as by another way to cut."""
    return np.roll(image, image.shape[1] // 8, axis=1)


DRAWINGS = tuple(name for name in OF_SCENES if conditions.kind(name).is_drawing)
SHAPES = tuple(name for name in OF_SCENES if name != "pose")
FAULTS = (
    Fault("condition of another picture", ("alignment",), exchanged, SHAPES),
    Fault("condition mirrored", ("alignment",), of_condition(lambda image: image[:, ::-1]), SHAPES),
    Fault("condition an eighth beside", ("alignment",), of_condition(shifted), SHAPES),
    Fault("condition cut", ("shape",), of_condition(cut)),
    Fault("condition black", ("empty",), of_condition(np.zeros_like)),
    Fault("saved as 0 and 1", ("range",), of_condition(lambda image: (image > 127).astype(np.uint8)), DRAWINGS),
    Fault("inverted", ("polarity",), of_condition(lambda image: 255 - image), (*DRAWINGS, "depth")),
    Fault("BGR", ("channels",), of_condition(lambda image: image[:, :, ::-1]), ("normal",)),
    Fault("picture there twice", ("duplicates",), copied(lambda image: image)),
    Fault(
        "there twice, brighter",
        ("near-duplicates",),
        copied(lambda image: ImageEnhance.Brightness(image).enhance(1.03)),
    ),
    Fault("grey picture", ("grey",), of_picture(lambda image: image.convert("L").convert("RGB"))),
    Fault("no caption", ("captions",), captioned("")),
    Fault("the same caption", ("same captions",), captioned("a picture")),
    Fault("caption too long", ("long captions",), captioned("word " * 70)),
)


def sound_sets(folder: Path, photos: Path | None, count: int) -> Iterator[tuple[str, str, list[Entry]]]:
    """Kind of pictures, condition and pairs of each set."""
    scenes = folder / "scenes"
    for _ in export_scenes(scenes, SceneExport(count, seed=11, size=SIZE)):
        pass
    for name in OF_SCENES:
        yield "scenes", name, _held(scenes, name, count)
    if photos is None:
        return
    few = folder / "some"
    few.mkdir(exist_ok=True)
    found = pictures_in(photos)
    chosen = [found[k * len(found) // count] for k in range(min(count, len(found)))]
    for number, path in enumerate(chosen):
        link = few / f"{number:04d}{path.suffix}"
        link.exists() or link.symlink_to(path.resolve())
        link.with_suffix(".txt").write_text(f"{path.parent.name} number {number}")
    for _ in build(few, folder / "photos", Plan(OF_PHOTOS, SIZE), workers=0):
        pass
    for name in OF_PHOTOS:
        yield "photographs", name, _held(folder / "photos", name, count)


def _held(folder: Path, name: str, count: int) -> list[Entry]:
    entries = list_folder(folder, name).entries[:count]
    return [
        dataclasses.replace(entry, picture=Held(pixels(entry.picture)), condition=Held(pixels(entry.condition)))
        for entry in entries
    ]


class Measurements:
    """What `measure_all` says of pairs in memory, each looked at once."""

    def __init__(self) -> None:
        self.alone: dict[int, tuple[Entry, Measured]] = {}
        self.edges: dict[int, tuple[object, Edges]] = {}

    def of(self, pairs: Pairs, *, with_fits: bool = True) -> list[Measured]:
        if not with_fits:
            return [self._alone(pair) for pair in pairs]
        usual = usual_of(
            {pair.name: (self._edges(pair.picture), self._edges(pair.condition)) for pair in looked_at(pairs)}
        )
        found = []
        for pair in pairs:
            own, other = fits(pair.name, self._edges(pair.picture), self._edges(pair.condition), usual)
            found.append(dataclasses.replace(self._alone(pair), own_fit=own, other_fit=other))
        return found

    def _alone(self, pair: Entry) -> Measured:
        if id(pair) not in self.alone:
            self.alone[id(pair)] = pair, measure(pair, None)
        return self.alone[id(pair)][1]

    def _edges(self, place: Place | None) -> Edges:
        if id(place) not in self.edges:
            self.edges[id(place)] = place, edges(pixels(place))
        return self.edges[id(place)][1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", type=Path, help="folder of the sound sets")
    parser.add_argument("--photos", type=Path, help="folder of photographs")
    parser.add_argument("--conditions", help="some only, with commas (default: all)")
    parser.add_argument("--pairs", type=int, default=200, help="pairs of a set (default: 200)")
    arguments = parser.parse_args()
    told: dict[tuple[str, str, float], list[tuple[bool, float, int]]] = {}
    print("sound sets")
    wanted = arguments.conditions.split(",") if arguments.conditions else OF_SCENES
    for kind, name, pairs in sound_sets(arguments.sets, arguments.photos, arguments.pairs):
        if name not in wanted:
            continue
        measurements = Measurements()
        clean = check(measurements.of(pairs), name)
        print(f"  {kind:12}{name:14}{len(pairs):4} pairs: {'; '.join(map(str, clean)) or 'nothing'}", flush=True)
        for fault in (fault for fault in FAULTS if name in fault.conditions):
            for share in SHARES:
                places = _places(len(pairs), share)
                spoilt = fault.plant(pairs, places)
                wrong = {pairs[k].name for k in spoilt}
                mixed = [spoilt.get(k, pair) for k, pair in enumerate(pairs)]
                found = check(measurements.of(mixed, with_fits="alignment" in fault.checks), name)
                named = _named(found, fault) - (_named(clean, fault) - wrong)
                outcome = (bool(named & wrong), len(named & wrong) / len(wrong), len(named - wrong))
                told.setdefault((fault.name, kind, share), []).append(outcome)
    _print_table(told)


def _named(found: Sequence[Finding], fault: Fault) -> set[str]:
    return {example for one in found if one.check in fault.checks for example in one.examples}


def _places(count: int, share: float) -> list[int]:
    chosen = np.random.default_rng(0).permutation(np.arange(1, count))[: max(2, round(share * count))]
    return sorted(map(int, chosen))


def _print_table(told: dict[tuple[str, str, float], list[tuple[bool, float, int]]]) -> None:
    print(f"\n| fault | in | {' | '.join(f'{share:.0%} of the pairs' for share in SHARES)} | false alarms |")
    print(f"|---|---|{'---|' * (len(SHARES) + 1)}")
    for fault, kind in dict.fromkeys(key[:2] for key in told):
        rows = [told[fault, kind, share] for share in SHARES]
        cells = [f"{sum(r[0] for r in row)} of {len(row)}, {np.mean([r[1] for r in row]):.0%}" for row in rows]
        print(f"| {fault} | {kind} | {' | '.join(cells)} | {sum(r[2] for row in rows for r in row)} |")


if __name__ == "__main__":
    sys.exit(main())
