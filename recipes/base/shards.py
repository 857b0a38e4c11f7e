"""What the trainings share: rendered shards in memory, the full state and the log on disk, the course of the steps."""

import argparse
import json
import math
import time
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from zeroconv.images import atomic_write
from zeroconv.scenes import Scene, sample_scene


def load_shards(folder: Path, seed: int, key: str) -> np.ndarray:
    """One array (N, 128, 128, ...) uint8 of all shards of a seed, in the order of the scenes."""
    files = sorted(folder.glob(f"seed{seed}-*.npz"))
    if not files:
        raise SystemExit(f"no shards of seed {seed} in {folder}: run recipes/base/render.py first")
    return np.concatenate([np.load(file)[key] for file in files])


def shard_scenes(folder: Path, seed: int) -> list[Scene]:
    """The scenes of all shards of a seed, in the same order."""
    firsts = [int(file.stem.split("-")[1]) for file in sorted(folder.glob(f"seed{seed}-*.npz"))]
    lengths = [len(np.load(file)["instances"]) for file in sorted(folder.glob(f"seed{seed}-*.npz"))]
    return [
        sample_scene(seed, index)
        for first, length in zip(firsts, lengths, strict=True)
        for index in range(first, first + length)
    ]


def to_images(pictures: Tensor) -> Tensor:
    """uint8 (B, H, W, 3) -> float32 (B, 3, H, W) in [-1, 1]."""
    return pictures.permute(0, 3, 1, 2).float() / 127.5 - 1


def autocast(device: str) -> torch.autocast:
    """bfloat16 on a GPU; off on a CPU, where many have no native support and are far slower with it."""
    kind = torch.device(device).type
    return torch.autocast(kind, torch.bfloat16, enabled=kind == "cuda")


def learning_rate(step: int, steps: int, peak: float, hold: float = 0.0) -> float:
    """Warm-up over 100 steps, the peak for a share `hold` of all steps, then half a cosine down to 2 % of it."""
    fallen = max(0.0, (step / steps - hold) / (1 - hold))
    return peak * min(1.0, (step + 1) / 100) * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * fallen)))


def save_state(path: Path, **state: object) -> None:
    """Write a full training state whole or not at all."""
    with atomic_write(path) as temporary:
        torch.save(state, temporary)


def load_state(path: Path, device: str = "cpu") -> dict[str, object] | None:
    """The state saved at `path`, or None when the run is new."""
    return torch.load(path, map_location=device, weights_only=True) if path.exists() else None


def write_row(folder: Path, row: dict[str, float]) -> None:
    """Show one line of figures and append it to `folder`/log.jsonl, which recipes/base/curves.py draws."""
    print(json.dumps(row), flush=True)
    with (folder / "log.jsonl").open("a") as log:
        log.write(json.dumps(row) + "\n")


class Trainer(Protocol):
    """A training that goes on from `first`, after so many `seconds`."""

    first: int
    seconds: float

    def step(self, step: int) -> Tensor:
        """Takes one step -> its loss."""

    def save(self, done: int, seconds: float) -> dict[str, float]:
        """Writes state and weights -> what they reach on held-out data, by name."""


def begin(arguments: argparse.Namespace) -> None:
    """Before anything is drawn or written: threads, the global chance, the folder."""
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)
    arguments.out.mkdir(parents=True, exist_ok=True)


def take_steps(trainer: Trainer, arguments: argparse.Namespace) -> None:
    """All steps that are left, and a line of figures at every check."""
    started, recent = time.monotonic() - trainer.seconds, []
    for step in range(trainer.first, arguments.steps):
        recent.append(trainer.step(step))
        done, seconds = step + 1, time.monotonic() - started
        if done % arguments.check_every == 0 or done == arguments.steps:
            reached = {"loss": torch.stack(recent).mean().item(), **trainer.save(done, seconds)}
            figures = {name: round(value, 4) for name, value in reached.items()}
            write_row(arguments.out, {"step": done, "seconds": round(seconds), **figures})
            recent = []
