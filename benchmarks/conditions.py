"""Every condition and method: how it looks on photographs and on scenes, and how many pictures one core makes a second.

    python benchmarks/conditions.py FOLDER_OF_PHOTOS --sheet docs/pictures/conditions-photos.jpg
    python benchmarks/conditions.py FOLDER_OF_PHOTOS --weights FOLDER
    python benchmarks/conditions.py --scenes 10 --sheet docs/pictures/conditions-scenes.jpg

Photographs are cut to squares of --size pixels and go through the algorithms, then through the networks of which
--weights holds the published file, in it or below it. Where it holds none the network gets random tensors of the
published layout, which take as long and mean nothing: that row says so. Scenes go through the algorithms and the
network that ships (method=scenes). Time is the processor's, so that other work on the machine hardly counts. The
sheet has one row a picture, uncurated, of what needs no weights.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageOps

from zeroconv import conditions, scenes
from zeroconv.conditions import hed, hough, lineart, openpose
from zeroconv.conditions.weight_files import WeightFile
from zeroconv.evaluation.sheet import Tile, contact_sheet, save_sheet
from zeroconv.images import read_image

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
import published_annotators as published

SHOWN = 128  # pixels of a picture on the sheet


@dataclass(frozen=True)
class Row:
    """A condition by one of its methods."""

    condition: str
    options: Mapping[str, Any] = field(default_factory=dict)
    remark: str = ""
    is_grey: bool = False
    """Whether it is made from a ready map, for which the grey picture stands."""

    @property
    def method(self) -> str:
        return ", ".join(str(self.options[name]) for name in ("method", "model", "source") if name in self.options)


@dataclass(frozen=True)
class Published:
    """A network of which the files are published."""

    condition: str
    options: Mapping[str, Any]
    file: WeightFile
    layout: Callable[[], published.Layout] | None
    """None: without its file it is left out."""
    remark: str = ""
    """Of its random tensors."""


ALGORITHMS = tuple(
    Row(name) for name in ("canny", "hough", "hed", "scribble", "lineart", "shuffle", "tile", "blur", "grey", "inpaint")
)
READY = tuple(Row(name, {"method": "algorithm"}, "of a ready map", is_grey=True) for name in ("depth", "normal"))
READ = tuple(Row(name, {"method": "scenes"}) for name in ("depth", "normal", "segmentation", "hed", "pose"))
"""What the network that ships reads in scenes."""
NETWORKS = (
    Published("hed", {"model": "pidinet"}, hed.FILES["pidinet"], None),
    Published("hed", {"model": "hed"}, hed.FILES["hed"], published.hed),
    Published("hough", {"model": "large"}, hough.FILES["large"], published.mlsd_large),
    Published("hough", {"model": "tiny"}, hough.FILES["tiny"], None),
    Published("lineart", {"model": "fine"}, lineart.FILES["fine"], published.line_drawing),
    Published("lineart", {"model": "anime"}, lineart.FILES["anime"], published.anime),
    Published(
        "pose",
        {"method": "openpose", "hands": False, "face": False, "confidence": 1.0},
        openpose.BODY,
        published.openpose_body,
        " of the body alone, which find nobody",
    ),
)
LEFT_OUT = {
    "depth, normal, segmentation, pose by network": "networks of any size; --also depth,weights=FOLDER adds one",
    "normal by marigold": "a diffusion pipeline; --also normal,method=marigold,weights=FOLDER adds it",
}


def photographs(folder: Path, size: int) -> list[np.ndarray]:
    """The pictures of a folder in the order of their names, cut to squares from their middle."""
    files = sorted(file for file in folder.iterdir() if file.suffix.lower() in (".png", ".jpg", ".jpeg", ".webp"))
    if not files:
        sys.exit(f"no pictures in {folder}")
    return [np.asarray(ImageOps.fit(read_image(file), (size, size), Image.Resampling.LANCZOS)) for file in files]


def rendered(count: int) -> list[np.ndarray]:
    """The first held-out scenes."""
    sampled = [scenes.sample_scene(2_000_000, index) for index in range(count)]
    return list(scenes.render(sampled, size=128).rgb.numpy())


def networks(weights: Path, scratch: Path) -> Iterator[Row]:
    """A row for each published network, with its real file or with a random one."""
    for network in NETWORKS:
        file = next(iter(sorted(weights.rglob(network.file.name))), None)
        if file is None and network.layout is None:
            print(f"  left out: {network.condition} by {network.file.name}, which is not in {weights}")
            continue
        remark = "real weights" if file else f"random weights{network.remark}"
        path = file or published.write(scratch, network.file.name, network.layout)
        fixed = {"method": "network", "device": "cpu", "weights": str(path)}
        yield Row(network.condition, fixed | dict(network.options), remark)


def also(text: str) -> Row:
    """depth,weights=FOLDER -> a row."""
    name, *options = text.split(",")
    return Row(name, {"method": "network", "device": "cpu"} | dict(option.split("=", 1) for option in options))


def made(row: Row, pictures: Sequence[np.ndarray]) -> tuple[list[np.ndarray], float]:
    """The condition images and the pictures a second, without the first, which loads what is needed."""
    extract = conditions.create(row.condition, **row.options)
    given = [picture[:, :, :1] for picture in pictures] if row.is_grey else pictures
    images = [extract(given[0])]
    started = time.process_time()
    images += [extract(picture) for picture in given[1:]]
    return images, (len(pictures) - 1) / (time.process_time() - started)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path, nargs="?", help="folder of photographs")
    parser.add_argument("--scenes", type=int, help="so many scenes instead of photographs")
    parser.add_argument("--size", type=int, default=512, help="side of a photograph in pixels (default: 512)")
    parser.add_argument("--count", type=int, help="so many photographs at most")
    parser.add_argument("--weights", type=Path, help="folder of published weights; without it no networks are run")
    parser.add_argument("--also", action="append", default=[], metavar="NAME,OPTION=VALUE", help="one more row")
    parser.add_argument("--sheet", type=Path, help="where the contact sheet goes (.jpg or .png)")
    arguments = parser.parse_args()
    if (arguments.photos is None) == (arguments.scenes is None):
        parser.error("give a folder of photographs, or --scenes COUNT")
    torch.set_num_threads(1)
    is_photos = arguments.photos is not None
    pictures = photographs(arguments.photos, arguments.size) if is_photos else rendered(arguments.scenes)
    pictures = pictures[: arguments.count]
    if len(pictures) < 2:
        parser.error("give two pictures at least: the first is not counted")
    shown = (*ALGORITHMS[:-1], *READ) if arguments.scenes else ALGORITHMS[:-1]
    columns = {"picture": pictures}
    print(f"pictures a second of one core, {pictures[0].shape[1]}x{pictures[0].shape[0]}, n = {len(pictures) - 1}")
    with tempfile.TemporaryDirectory() as scratch:
        rows = [*ALGORITHMS, *READY, *(READ if arguments.scenes else ()), *map(also, arguments.also)]
        if arguments.weights:
            rows += networks(arguments.weights, Path(scratch))
        for row in rows:
            images, speed = made(row, pictures)
            print(f"  {row.condition:14}{row.method or 'algorithm':20}{speed:9.2f}  {row.remark}".rstrip(), flush=True)
            if row in shown:
                columns[row.condition if row.condition not in columns else f"{row.condition}, {row.method}"] = images
    for what, why in LEFT_OUT.items():
        print(f"  left out: {what}; {why}")
    if arguments.sheet:
        tiles = [Tile(_shown(images[k]), name) for k in range(len(pictures)) for name, images in columns.items()]
        save_sheet(contact_sheet(tiles, len(columns), lines=1), arguments.sheet)


def _shown(image: np.ndarray) -> np.ndarray:
    return np.asarray(Image.fromarray(image).resize((SHOWN, SHOWN), Image.Resampling.LANCZOS))


if __name__ == "__main__":
    main()
