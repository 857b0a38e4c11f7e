"""The nine ControlNets of the embedded base on the same held-out scenes, as a sheet: condition and picture, in turns.

    python benchmarks/nine_controls.py docs/pictures/nine-controls.jpg

Scenes with a person, so that each condition has something to say; the first of a fixed seed, uncurated, drawn from
their captions. The figures of all nine are `zeroconv evaluate controls --count 256`.
"""

import argparse
from pathlib import Path

import numpy as np
from tqdm import tqdm

from zeroconv import load_base
from zeroconv.evaluation.drawing import Controls, draw
from zeroconv.evaluation.fidelity import MEASURED, fidelity_of
from zeroconv.evaluation.held_out import held_out_scenes
from zeroconv.evaluation.judge import Judge
from zeroconv.evaluation.sampler import Sampler
from zeroconv.evaluation.sheet import Tile, contact_sheet, save_sheet
from zeroconv.perception import load_perception
from zeroconv.weights import load_with_sidecar

BLANK = np.full((128, 128, 3), 250, np.uint8)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sheet", type=Path)
    parser.add_argument("--count", type=int, default=3, help="scenes, 2 or more (default: 3)")
    arguments = parser.parse_args()
    base, judge = load_base("tiny"), Judge(load_perception())
    fidelities = {condition: fidelity_of(condition, judge) for condition in MEASURED}
    held_out = held_out_scenes(arguments.count, base.native_size, selects=fidelities["pose"].selects)
    scenes = [Tile(*pair) for pair in zip(held_out.pictures, held_out.captions, strict=True)]
    asked_tiles, drawn_tiles = [[scene] for scene in scenes], [[Tile(BLANK, "")] for _ in scenes]
    for condition, fidelity in tqdm(fidelities.items(), desc="conditions"):
        controlnet, sidecar = load_with_sidecar(f"tiny-{condition}", base)
        images = [asked.image for asked in fidelity.asked(held_out)]
        controls = Controls(controlnet, condition, images, sidecar)
        drawn = draw(base, held_out.captions, Sampler(), controls=controls)
        for row, picture in zip(asked_tiles, images, strict=True):
            row.append(Tile(picture, condition))
        for row, picture in zip(drawn_tiles, drawn, strict=True):
            row.append(Tile(picture, ""))
    rows = [row for pair in zip(asked_tiles, drawn_tiles, strict=True) for row in pair]
    tiles = [tile for row in rows for tile in row]
    save_sheet(contact_sheet(tiles, columns=1 + len(fidelities), lines=3), arguments.sheet)


if __name__ == "__main__":
    main()
