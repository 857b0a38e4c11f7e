"""What reading the next batch during a step brings: seconds a step with and without, in turns.

    python benchmarks/read_ahead.py [--base tiny] [--data scenes:64] [--batch-size 4] [--steps 6] [--rounds 3]

Also the seconds that a batch takes when nothing else is done: at most so much can be won. docs/training.md and
docs/scaling.md give this output.
"""

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import torch

from zeroconv.base import BaseModel, load_base
from zeroconv.data.batches import Batches
from zeroconv.data.cache import EncodedExamples, fill
from zeroconv.data.extraction import extraction_of
from zeroconv.data.opening import open_source
from zeroconv.training.config import TrainConfig
from zeroconv.training.loop import train
from zeroconv.training.start import first_controlnet


def seconds_of_reading(batches: Batches, steps: int) -> list[float]:
    """Of each of the first batches, read alone."""
    upcoming, taken = batches.starting(0), []
    for _ in range(steps):
        began = time.perf_counter()
        next(upcoming)
        taken.append(time.perf_counter() - began)
    return taken


def seconds_of_steps(base: BaseModel, batches: Batches, config: TrainConfig) -> list[float]:
    """Of each step but the first, which also sets up."""
    controlnet = first_controlnet(base, 3, config.seed, None)
    steps = train(base, controlnet, batches, config)
    return [config.batch_size / step.samples_per_second for step in steps][1:]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", default="tiny")
    parser.add_argument("--data", default="scenes:64")
    parser.add_argument("--batch-size", type=int, default=4)
    parser.add_argument("--steps", type=int, default=6)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", default="cpu")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    base = load_base(arguments.base, device=arguments.device)
    source = open_source(arguments.data, extraction_of("canny", {}), base.native_size)
    taken: dict[bool, list[float]] = {True: [], False: []}
    with tempfile.TemporaryDirectory() as folder:
        for _ in fill(Path(folder), base, source):
            pass
        batches = Batches(EncodedExamples(Path(folder), len(source)), base, arguments.batch_size, seed=0)
        reading = seconds_of_reading(batches, arguments.steps)
        for _ in range(arguments.rounds):
            for is_ahead, found in taken.items():
                config = TrainConfig(
                    steps=arguments.steps, batch_size=arguments.batch_size, gain_every=0, read_ahead=is_ahead
                )
                found += seconds_of_steps(base, batches, config)
    print(f"reading a batch of {arguments.batch_size}: {statistics.median(reading):.4f} s")
    for is_ahead, found in taken.items():
        print(f"a step, reading {'ahead' if is_ahead else 'in between'}: {statistics.median(found):.4f} s")


if __name__ == "__main__":
    main()
