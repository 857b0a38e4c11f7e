"""Every condition that needs no download: how it looks on photographs and on scenes, and how fast one core makes it.

    python benchmarks/conditions.py FOLDER_OF_PHOTOS --sheet docs/pictures/conditions-photos.jpg
    python benchmarks/conditions.py --scenes 10 --sheet docs/pictures/conditions-scenes.jpg

Photographs are cut to squares of --size pixels and go through the algorithms; scenes go through the algorithms, or
where there are none through the network that ships (method=scenes). The sheet has one row a picture, uncurated.
"""

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps

from zeroconv import conditions, scenes
from zeroconv.evaluation.sheet import Tile, contact_sheet, save_sheet
from zeroconv.images import read_image

ALGORITHMS = ("canny", "hough", "hed", "scribble", "lineart", "shuffle", "tile", "blur", "grey")
READ = ("depth", "normal", "segmentation", "pose")
"""What the network that ships reads in scenes."""
SHOWN = 128  # pixels of a picture on the sheet


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


def made(name: str, pictures: Sequence[np.ndarray]) -> tuple[list[np.ndarray], float]:
    """The condition images and the pictures a second, without the first, which loads what is needed."""
    extract = conditions.create(name, **({"method": "scenes"} if name in READ else {}))
    images = [extract(pictures[0])]
    started = time.perf_counter()
    images += [extract(picture) for picture in pictures[1:]]
    return images, (len(pictures) - 1) / (time.perf_counter() - started)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path, nargs="?", help="folder of photographs")
    parser.add_argument("--scenes", type=int, help="so many scenes instead of photographs")
    parser.add_argument("--size", type=int, default=512, help="side of a photograph in pixels (default: 512)")
    parser.add_argument("--sheet", type=Path, help="where the contact sheet goes (.jpg or .png)")
    arguments = parser.parse_args()
    if (arguments.photos is None) == (arguments.scenes is None):
        parser.error("give a folder of photographs, or --scenes COUNT")
    torch.set_num_threads(1)
    pictures = photographs(arguments.photos, arguments.size) if arguments.photos else rendered(arguments.scenes)
    columns = {"picture": pictures}
    print(f"pictures a second of one core, {pictures[0].shape[1]}x{pictures[0].shape[0]}, n = {len(pictures) - 1}")
    for name in (*ALGORITHMS, *(READ if arguments.scenes else ())):
        columns[name], speed = made(name, pictures)
        print(f"  {name:14}{speed:8.1f}")
    if arguments.sheet:
        tiles = [Tile(_shown(images[k]), name) for k in range(len(pictures)) for name, images in columns.items()]
        save_sheet(contact_sheet(tiles, len(columns), lines=1), arguments.sheet)


def _shown(image: np.ndarray) -> np.ndarray:
    return np.asarray(Image.fromarray(image).resize((SHOWN, SHOWN), Image.Resampling.LANCZOS))


if __name__ == "__main__":
    main()
