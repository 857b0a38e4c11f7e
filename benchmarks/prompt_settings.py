"""The paper's four prompt settings (arXiv 2302.05543, section 4.1) under one control, as a sheet and a table.

    python benchmarks/prompt_settings.py canny docs/pictures/prompts-canny.jpg
    python benchmarks/prompt_settings.py segmentation docs/pictures/prompts-segmentation.jpg

No prompt; an insufficient one that names nothing; a conflicting one, whose caption names another object than the
condition shows; and the scene's own caption. The sheet shows the first scenes of a fixed seed, uncurated.
"""

import argparse
from pathlib import Path

import numpy as np
from tqdm import tqdm

from zeroconv import load_base
from zeroconv.evaluation.drawing import Controls, draw
from zeroconv.evaluation.fidelity import MEASURED, fidelity_of
from zeroconv.evaluation.held_out import EVALUATION_SEED, HeldOut, render_scenes
from zeroconv.evaluation.judge import Judge
from zeroconv.evaluation.objects import single_object_scenes
from zeroconv.evaluation.sampler import Sampler
from zeroconv.evaluation.sheet import Tile, contact_sheet, save_sheet
from zeroconv.perception import load_perception
from zeroconv.reproduce.prompt_settings import INSUFFICIENT
from zeroconv.scenes import SceneObject
from zeroconv.scenes.vocabulary import SOLIDS
from zeroconv.weights import load_with_sidecar

SHOWN = 9


def conflicting(caption: str, thing: SceneObject) -> str:
    """The caption with another kind of object in place of its own."""
    other = next(kind for kind in ("house", *SOLIDS) if kind != thing.kind)
    return caption.replace(thing.description, f"{thing.colour} {other}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("condition", choices=MEASURED)
    parser.add_argument("sheet", type=Path)
    parser.add_argument("--count", type=int, default=36, help="scenes with one object (default: 36)")
    arguments = parser.parse_args()
    base, scenes = load_base("tiny"), single_object_scenes(arguments.count)
    held_out = HeldOut(EVALUATION_SEED, scenes, render_scenes(scenes, base.native_size))
    fidelity = fidelity_of(arguments.condition, Judge(load_perception()))
    asked = fidelity.asked(held_out)
    controlnet, sidecar = load_with_sidecar(f"tiny-{arguments.condition}", base)
    controls = Controls(controlnet, arguments.condition, [a.image for a in asked], sidecar)
    prompts = {
        "none": [""] * len(scenes),
        "insufficient": [INSUFFICIENT] * len(scenes),
        "conflicting": [conflicting(scene.caption, scene.objects[0]) for scene in scenes],
        "perfect": list(held_out.captions),
    }
    drawn = {
        name: draw(base, texts, Sampler(), controls=controls, progress=lambda groups, what: tqdm(groups, desc=what))
        for name, texts in prompts.items()
    }
    print(f"{arguments.condition}, {fidelity.metric}; n = {len(scenes)}")
    for name, pictures in drawn.items():
        scores = [fidelity.score(f, a.truth) for f, a in zip(fidelity.found(pictures), asked, strict=True)]
        print(f"  {name:14}{np.mean(scores):.3f}")
    tiles = []
    for k in range(min(SHOWN, len(scenes))):
        tiles += [Tile(held_out.pictures[k], "the scene"), Tile(asked[k].image, arguments.condition)]
        tiles += [Tile(pictures[k], f"{name}: {prompts[name][k]}") for name, pictures in drawn.items()]
    save_sheet(contact_sheet(tiles, columns=6, lines=5), arguments.sheet)


if __name__ == "__main__":
    main()
