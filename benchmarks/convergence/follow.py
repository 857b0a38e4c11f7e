"""Trains the study's runs and follows each: control gain, training loss, and condition fidelity along the way.

    python benchmarks/convergence/follow.py --out runs/convergence [RUN ...]

RUN is a name as `--list` prints them, with a seed behind a colon where it is not 0; none: all. A run that was cut goes
on from its last measurement, bitwise as if it never stopped; those that are done are left as they are, so that several
of these commands with different runs fill one folder. Each leaves OUT/RUN/points.jsonl, one line a measurement; what
was measured for the documents lies in benchmarks/convergence/measured.
"""

import argparse
import json
import os
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from faults import FAULTS
from runs import Run, all_runs, folder_of, run_of

from zeroconv import load_base
from zeroconv.base import BaseModel
from zeroconv.control import ControlNet
from zeroconv.data.batches import Batches
from zeroconv.data.cache import default_cache
from zeroconv.data.extraction import extraction_of
from zeroconv.data.opening import open_source
from zeroconv.data.records import Batch
from zeroconv.data.views import Examples
from zeroconv.errors import UserError
from zeroconv.evaluation.drawing import Controls, draw
from zeroconv.evaluation.fidelity import fidelity_of
from zeroconv.evaluation.held_out import HeldOut, held_out_scenes
from zeroconv.evaluation.sampler import Sampler
from zeroconv.images import atomic_write
from zeroconv.training.config import TrainConfig
from zeroconv.training.examples import Preparation, held_out, training_examples
from zeroconv.training.gain import gain_point, measure_gain
from zeroconv.training.loop import train
from zeroconv.training.start import first_controlnet
from zeroconv.training.state import load_newest, save_state, to_record

CONDITION = "canny"
SCENES, UNSEEN = 16_000, 64
GAIN_EVERY = (240, 2400), (1200, 10**9)
"""(samples between two measurements of the gain, until so many samples)."""
FIDELITY_AT = (960, 1920, 3840, 5760, 7680, 9600, 12_000)
"""Samples after which pictures are drawn."""
DRAWN = 48
DRAWN_STEPS = 10


@dataclass(frozen=True)
class World:
    """What all runs share."""

    base: BaseModel
    examples: Examples
    unseen: list[Batch]
    held_out: HeldOut

    def fidelity(self, controlnet: ControlNet) -> list[float]:
        """One score a held-out scene, drawn under its condition with its caption."""
        measure = fidelity_of(CONDITION)
        asked = measure.asked(self.held_out)
        controls = Controls(controlnet, CONDITION, [one.image for one in asked])
        drawn = draw(self.base, self.held_out.captions, Sampler(steps=DRAWN_STEPS), controls=controls)
        return [measure.score(f, one.truth) for f, one in zip(measure.found(drawn), asked, strict=True)]


def make_world(cache: Path) -> World:
    """The base, its data from the cache, and the held-out scenes."""
    base = load_base("tiny")
    source, unseen = open_source(f"scenes:{SCENES}", extraction_of(CONDITION, {}), base.native_size).split(UNSEEN)
    assert unseen is not None
    preparation = Preparation(base, extraction_of(CONDITION, {}), cache, workers=0)
    examples = training_examples(preparation, source, [], TrainConfig())
    fixed = held_out(base, preparation.encoded([unseen], "held-out examples")[0], TrainConfig())
    return World(base, examples, fixed, held_out_scenes(DRAWN, base.native_size))


def released_start(controlnet: ControlNet, seed: int) -> None:
    """The condition encoder's inner convolutions as torch starts them, which the released code leaves as they are."""
    encoder = controlnet.condition_encoder
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        for convolution in (encoder.conv_in, *encoder.blocks):
            convolution.reset_parameters()


def is_due(samples: int, whole: int) -> bool:
    """Whether a run is measured after so many samples."""
    every = next(every for every, until in GAIN_EVERY if samples <= until)
    return samples % every == 0 or samples in FIDELITY_AT or samples == whole


def follow(run: Run, world: World, folder: Path) -> Iterator[dict[str, Any]]:
    """Trains one run from where it was left; yields each measurement, which is written by then."""
    config, base = run.config, world.base
    record, points = load_newest(folder / "states"), read_points(folder)
    points = [point for point in points if record is not None and point["step"] <= record["step"]]
    controlnet = first_controlnet(base, 3, config.seed, None, config.variant)
    if run.released_start:
        released_start(controlnet, config.seed)
    examples = FAULTS[run.fault](world.examples)
    batches = Batches(
        examples,
        base,
        config.batch_size,
        config.seed,
        config.prompt_drop,
        timestep_power=config.timestep_power,
    )
    losses, seconds = [], points[-1]["seconds"] if points else 0.0
    for step in train(base, controlnet, batches, config, resume=record):
        losses.append(step.loss)
        seconds += config.batch_size / step.samples_per_second
        samples = step.number * config.batch_size
        if not is_due(samples, run.samples):
            continue
        gain = gain_point(step.number, measure_gain(base, step.state.result, world.unseen))
        drawn = samples in FIDELITY_AT or samples == run.samples
        scores = world.fidelity(step.state.result) if drawn else None
        told = {key: value for key, value in asdict(gain).items() if key != "bands"}
        points.append(
            {"samples": samples, "seconds": seconds, "loss": float(np.mean(losses)), "fidelity": scores, **told}
        )
        losses = []
        save_state(folder / "states", to_record(step.state, config), keep=1)
        write_points(folder, points)
        yield points[-1]


def read_points(folder: Path) -> list[dict[str, Any]]:
    """The measurements of a run, in order; none where it has not begun."""
    path = folder / "points.jsonl"
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()] if path.exists() else []


def write_points(folder: Path, points: list[dict[str, Any]]) -> None:
    """All measurements, whole or not at all."""
    with atomic_write(folder / "points.jsonl") as temporary:
        temporary.write_text("".join(json.dumps(point) + "\n" for point in points), "utf-8")


def finish(run: Run, folder: Path, ended: str) -> None:
    """Marks a run as done; its state is not needed any more."""
    with atomic_write(folder / "done.json") as temporary:
        temporary.write_text(json.dumps({**run.describe(), "ended": ended}, indent=2) + "\n", "utf-8")
    for state in (folder / "states").glob("*"):
        state.unlink()


def take(run: Run, world: World, out: Path) -> None:
    """One run from where it is to its end, told line by line."""
    folder, began, ended = out / folder_of(run.name), time.perf_counter(), "all samples seen"
    folder.mkdir(parents=True, exist_ok=True)
    try:
        for point in follow(run, world, folder):
            fidelity = "" if point["fidelity"] is None else f", F1 {np.mean(point['fidelity']):.3f}"
            told = f"{point['samples']:6} samples, loss {point['loss']:.4f}, gain {point['gain']:.4f}{fidelity}"
            print(f"{run.name:24}{told}, {time.perf_counter() - began:.0f} s", flush=True)
    except UserError as error:  # a loss that is no number: what too large a rate does
        ended = str(error)
        print(f"{run.name:24}{ended}", flush=True)
    finish(run, folder, ended)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="*", metavar="RUN")
    parser.add_argument("--out", type=Path, default=Path("runs/convergence"))
    parser.add_argument("--cache", type=Path, default=default_cache())
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--samples", type=int, help="of each run, in place of 12,000")
    parser.add_argument("--list", action="store_true", help="print the names and stop")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    chosen = [run_of(name) for name in arguments.runs] or list(all_runs())
    if arguments.list:
        print("\n".join(run.name for run in chosen))
        return
    if arguments.samples:
        chosen = [replace(run, samples=arguments.samples) for run in chosen]
    world = make_world(arguments.cache)
    for run in chosen:
        if not (arguments.out / folder_of(run.name) / "done.json").exists():
            take(run, world, arguments.out)


if __name__ == "__main__":
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    main()
