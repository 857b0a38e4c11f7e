"""The memory that `zeroconv train --dry-run` foretells against what a training takes, on the embedded base.

    python benchmarks/train_memory.py [--batch-sizes 1,4,16] [--precision fp32] [--ema 0]
    python benchmarks/train_memory.py --foretell 512     # SD 1.5's size, which is not trained

Each row is a process of its own that takes three steps. Estimated: optimiser, average, gradients and activations.
Measured: the highest resident memory (ru_maxrss) less what was resident once base and ControlNet were loaded.
"""

import argparse
import json
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import torch
from train_vs_diffusers import base_of

from zeroconv import load_base
from zeroconv.data.batches import Batches
from zeroconv.data.cache import Encoded
from zeroconv.training.config import TrainConfig
from zeroconv.training.loop import train
from zeroconv.training.memory import estimate_memory
from zeroconv.training.start import first_controlnet

STEPS = 3
FORETOLD: tuple[dict[str, Any], ...] = (
    {"batch_size": 1, "precision": "fp32"},
    {"batch_size": 4, "precision": "bf16"},
    {"batch_size": 4, "precision": "bf16", "checkpointing": True},
    {"batch_size": 1, "precision": "bf16"},
    {"batch_size": 1, "precision": "bf16", "optimizer": "adamw8bit", "checkpointing": True},
)
PAGE = resource.getpagesize()


def resident() -> int:
    """The bytes of this process that are in memory now (Linux)."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE


def measure(config: TrainConfig) -> dict[str, float]:
    """Estimated and measured bytes of one training, in this process."""
    torch.set_num_threads(1)
    base = load_base("tiny")
    controlnet = first_controlnet(base, 3, 0, None)
    side = base.native_size // base.factor
    latent = torch.randn(base.latent_channels, side, side, generator=torch.Generator().manual_seed(0))
    condition = torch.zeros(3, base.native_size, base.native_size, dtype=torch.uint8)
    examples = [Encoded(f"{index}", latent, "a house", condition, index) for index in range(config.batch_size)]
    batches = Batches(examples, base, config.batch_size, config.seed)
    batch = next(batches.starting(0))
    before = resident()
    for _ in train(base, controlnet, batches, config):
        pass
    measured = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - before
    memory = estimate_memory(base, controlnet, batch, config)
    average = memory.controlnet // 2 if config.ema else 0
    return {"estimated": memory.optimizer + average + memory.step, "measured": measured}


def foretell(size: int) -> None:
    """Prints what trainings of SD 1.5's shape would take, in GiB."""
    base = base_of("sd15")
    controlnet = first_controlnet(base, 3, 0, None)
    latent = torch.zeros(base.latent_channels, size // base.factor, size // base.factor)
    condition = torch.zeros(3, size, size, dtype=torch.uint8)
    examples = [Encoded(f"{index}", latent, "a house", condition, index) for index in range(4)]
    for settings in FORETOLD:
        config = TrainConfig(**settings)
        batch = next(Batches(examples, base, config.batch_size, config.seed).starting(0))
        told = ", ".join(f"{name} {value}" for name, value in settings.items())
        print(f"{estimate_memory(base, controlnet, batch, config).peak / 2**30:6.1f} GiB: {told}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch-sizes", default="1,4,16")
    parser.add_argument("--precision", default="fp32")
    parser.add_argument("--ema", type=float, default=0.0)
    parser.add_argument("--foretell", type=int, metavar="SIZE", help="side of the pictures in pixels")
    parser.add_argument("--one", metavar="JSON", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        print(json.dumps(measure(TrainConfig(**json.loads(arguments.one)))))
        return
    if arguments.foretell:
        foretell(arguments.foretell)
        return
    print(f"{'batch':>5} {'checkpointing':>14} {'estimated':>11} {'measured':>11} {'error':>7}")
    for batch_size in map(int, arguments.batch_sizes.split(",")):
        for checkpointing in (False, True):
            settings = {
                "batch_size": batch_size,
                "checkpointing": checkpointing,
                "precision": arguments.precision,
                "ema": arguments.ema,
                "steps": STEPS,
            }
            done = subprocess.run(
                [sys.executable, __file__, "--one", json.dumps(settings)], capture_output=True, text=True, check=True
            )
            found = json.loads(done.stdout.splitlines()[-1])
            estimated, measured = found["estimated"] / 1e6, found["measured"] / 1e6
            error = estimated / measured - 1
            told = "yes" if checkpointing else "no"
            print(f"{batch_size:>5} {told:>14} {estimated:>8.0f} MB {measured:>8.0f} MB {error:>+7.1%}", flush=True)


if __name__ == "__main__":
    main()
