"""What the perception network learns from: rendered shards with their truth, and batches that mix in distractors.

N pictures, H W their size (128); at most three objects a picture.
"""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import cv2
import distractors
import numpy as np
import torch
from shards import load_shards, shard_scenes
from torch import Tensor
from tqdm import tqdm

from zeroconv.perception.network import UNCLEAR
from zeroconv.scenes import COLOURS, KINDS, Render, Scene
from zeroconv.scenes.projection import camera_frames, project_keypoints
from zeroconv.scenes.truth import condition_images

MOST_OBJECTS = 3
DISTRACTORS = 0.25  # share of a batch
MIRRORED = [0, 1, 5, 6, 7, 2, 3, 4, 11, 12, 13, 8, 9, 10, 15, 14, 17, 16]  # keypoints with left and right exchanged


@dataclass(frozen=True)
class Truth:
    """Rendered pictures with all that is true of them."""

    rgb: np.ndarray  # (N, H, W, 3) uint8
    classes: np.ndarray  # (N, H, W) uint8
    instances: np.ndarray  # (N, H, W) uint8
    depth: np.ndarray  # (N, H, W) float16 metres
    normal: np.ndarray  # (N, H, W, 3) int8 in 1/127
    soft_edges: np.ndarray  # (N, H, W) uint8
    keypoints: np.ndarray  # (N, 18, 3) float32 pixels and visibility; all 0 without a person
    objects: np.ndarray  # (N, 3, 4) int16: x, y of the middle in pixels, kind, colour; -1 where there is none

    def __len__(self) -> int:
        return len(self.rgb)


def load_truth(shards: Path, seed: int, count: int) -> Truth:
    """The first `count` scenes of a seed's shards with their truth."""
    scenes = shard_scenes(shards, seed)[:count]
    arrays = {key: load_shards(shards, seed, key)[:count] for key in ("rgb", "classes", "instances", "depth", "normal")}
    parts = [slice(start, start + 50) for start in range(0, len(scenes), 50)]
    jobs = [(scenes[part], {key: array[part] for key, array in arrays.items()}) for part in parts]
    with ProcessPoolExecutor(mp_context=multiprocessing.get_context("spawn")) as pool:
        made = list(tqdm(pool.map(_lines_and_joints, jobs), total=len(jobs), desc=f"truth of seed {seed}"))
    edges, keypoints = (np.concatenate(pieces) for pieces in zip(*made, strict=True))
    objects = np.stack([_objects(scene, mask) for scene, mask in zip(scenes, arrays["instances"], strict=True)])
    return Truth(**arrays, soft_edges=edges, keypoints=keypoints, objects=objects)


def _lines_and_joints(job: tuple[list[Scene], dict[str, np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
    """Soft edges (N, H, W) and keypoints (N, 18, 3) of some scenes with their rendered layers."""
    scenes, layers = job
    torch.set_num_threads(1)
    render = Render(
        torch.from_numpy(layers["rgb"]),
        torch.from_numpy(layers["depth"]).float(),
        torch.from_numpy(layers["normal"]) / 127,
        torch.from_numpy(layers["classes"]),
        torch.from_numpy(layers["instances"]),
        keypoints=(),
    )
    frames = camera_frames(scenes, torch.device("cpu"))
    keypoints = np.zeros((len(scenes), 18, 3), np.float32)
    for k, persons in enumerate(project_keypoints(scenes, frames, render.depth, render.instances)):
        if persons:
            keypoints[k] = persons[0].numpy()
    return condition_images("hed", render, scenes)[..., 0], keypoints


def _objects(scene: Scene, instances: np.ndarray) -> np.ndarray:
    found = np.full((MOST_OBJECTS, 4), -1, np.int16)
    for k, thing in enumerate(scene.objects):
        rows, columns = np.nonzero(instances == k + 1)
        if len(rows) >= 12:  # pixels; what hides behind another cannot be read
            x, y = (columns.min() + columns.max()) // 2, (rows.min() + rows.max()) // 2
            found[k] = x, y, KINDS.index(thing.kind), list(COLOURS).index(thing.colour)
    return found


class Batches:
    """Batch k of pictures and targets; it depends on k alone."""

    def __init__(self, truth: Truth, decoded: np.ndarray | None) -> None:
        """`decoded` are the same pictures through the autoencoder; half of the pictures are taken from there."""
        self.truth, self.decoded = truth, decoded
        self.single = np.nonzero((truth.objects[:, 0, 2] >= 0) & (truth.objects[:, 1, 2] < 0))[0]

    def __call__(self, step: int, size: int) -> dict[str, Tensor]:
        """Pictures `picture` (B, 3, H, W) in [-1, 1] and one target for each head."""
        random = np.random.default_rng((11, step))
        truth, rows = self.truth, random.integers(0, len(self.truth), size)
        distracting = int(size * DISTRACTORS)
        rows[:distracting] = random.choice(self.single, distracting)
        source = [self.decoded if self.decoded is not None and random.random() < 0.5 else truth.rgb for _ in rows]
        pictures = [pictures[row] for pictures, row in zip(source, rows, strict=True)]
        objects = truth.objects[rows].copy()
        for k in range(distracting):
            pictures[k], objects[k] = self._distract(int(rows[k]), pictures[k], random)
        targets = {
            "picture": np.stack([_degraded(picture, random) for picture in pictures]),
            "classes": truth.classes[rows],
            "nearness": 1.0 / truth.depth[rows].astype(np.float32),
            "normal": truth.normal[rows].astype(np.float32) / 127,
            "soft_edges": truth.soft_edges[rows].astype(np.float32) / 255,
            "keypoints": truth.keypoints[rows],
            "objects": objects,
            "is_scene": np.arange(size) >= distracting,
        }
        flips = random.random(size) < 0.5
        for k in np.nonzero(flips)[0]:
            _mirror(targets, k)
        picture = torch.from_numpy(targets.pop("picture")).permute(0, 3, 1, 2).float() / 127.5 - 1
        return {"picture": picture, **{key: torch.from_numpy(value) for key, value in targets.items()}}

    def _distract(self, row: int, picture: np.ndarray, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """A picture whose one object is none of the kinds -> it, and its objects."""
        truth, mask = self.truth, self.truth.instances[row] > 0
        choice = random.integers(3)
        other = int(random.choice(self.single))
        if choice == 0 and truth.objects[row, 0, 2] != truth.objects[other, 0, 2]:
            masks = mask, truth.instances[other] > 0
            picture, mask = distractors.blend(picture, truth.rgb[other], masks, random)
        elif choice == 1:
            picture, mask = distractors.warped(picture, mask, random)
        else:
            picture, mask = distractors.blob(picture, mask, random)
        objects = np.full((MOST_OBJECTS, 4), -1, np.int16)
        ys, xs = np.nonzero(mask)
        if len(ys):
            objects[0] = (xs.min() + xs.max()) // 2, (ys.min() + ys.max()) // 2, UNCLEAR, truth.objects[row, 0, 3]
        return picture, objects


def _degraded(picture: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Sometimes blurred, noisy or a little out of shape, as pictures of a small base are."""
    height, width = picture.shape[:2]
    if random.random() < 0.3:
        picture = cv2.GaussianBlur(picture, (0, 0), random.uniform(0.4, 1.3))
    if random.random() < 0.3:
        y, x = np.mgrid[:height, :width].astype(np.float32)
        sway = [cv2.resize(random.normal(0, 1.2, (6, 6)).astype(np.float32), (width, height)) for _ in range(2)]
        picture = cv2.remap(picture, x + sway[0], y + sway[1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    if random.random() < 0.3:
        noise = random.normal(0, random.uniform(0, 8), picture.shape)
        picture = np.rint(picture + noise).clip(0, 255).astype(np.uint8)
    return picture


def _mirror(targets: dict[str, np.ndarray], k: int) -> None:
    """Exchange left and right in the k-th example."""
    for key in ("picture", "classes", "nearness", "normal", "soft_edges"):
        targets[key][k] = targets[key][k, :, ::-1].copy()
    targets["normal"][k, ..., 0] *= -1
    width = targets["classes"].shape[2]
    points = targets["keypoints"][k][MIRRORED]
    points[:, 0] = np.where(points[:, 2] > 0, width - points[:, 0], 0)
    targets["keypoints"][k] = points
    is_there = targets["objects"][k, :, 2] >= 0
    targets["objects"][k, is_there, 0] = width - 1 - targets["objects"][k, is_there, 0]
