"""Step 1 of the base's recipe: draw the training scenes into shards of 500 pictures; a run that was cut short goes on.

python recipes/base/render.py --out state/scenes --count 30000 --worker 0/2 &
python recipes/base/render.py --out state/scenes --count 30000 --worker 1/2
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from zeroconv.images import atomic_write
from zeroconv.scenes import render, sample_scene

SHARD = 500
TRAINING_SEED = 1
HELD_OUT_SEED = 2


def draw_shard(seed: int, first: int, count: int, device: str) -> dict[str, np.ndarray]:
    """Scenes first .. first + count: `rgb` (N, 128, 128, 3) uint8, and of the same size `instances` and `classes`
    uint8, `depth` float16 in metres (inf: sky), `normal` (..., 3) int8 in 1/127."""
    parts: dict[str, list[np.ndarray]] = {}
    batch = 4 if device == "cpu" else 64
    for start in range(first, first + count, batch):
        scenes = [sample_scene(seed, index) for index in range(start, min(start + batch, first + count))]
        drawn = render(scenes, device=device)
        layers = {
            "rgb": drawn.rgb,
            "instances": drawn.instances,
            "classes": drawn.classes,
            "depth": drawn.depth.half(),
            "normal": (drawn.normal * 127).round().to(torch.int8),
        }
        for name, layer in layers.items():
            parts.setdefault(name, []).append(layer.cpu().numpy())
    return {name: np.concatenate(layers) for name, layers in parts.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--count", type=int, default=30000)
    parser.add_argument("--seed", type=int, default=TRAINING_SEED)
    parser.add_argument("--worker", default="0/1", help="this process of how many, as 0/2")
    parser.add_argument("--device", default="cpu")
    arguments = parser.parse_args()
    worker, workers = (int(part) for part in arguments.worker.split("/"))
    torch.set_num_threads(1)
    arguments.out.mkdir(parents=True, exist_ok=True)
    for first in tqdm(range(worker * SHARD, arguments.count, workers * SHARD), unit=f"x{SHARD} scenes"):
        shard = arguments.out / f"seed{arguments.seed}-{first:06d}.npz"
        if shard.exists():
            continue
        arrays = draw_shard(arguments.seed, first, min(SHARD, arguments.count - first), arguments.device)
        with atomic_write(shard) as temporary, temporary.open("wb") as file:
            np.savez(file, **arrays)


if __name__ == "__main__":
    main()
