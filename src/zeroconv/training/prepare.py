"""Everything that comes before the first step of a run: settings, data, ControlNet, and what is written down."""

import platform
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import torch

from zeroconv import __version__
from zeroconv.base import BaseModel
from zeroconv.base.hashing import base_hash
from zeroconv.data.batches import Batches
from zeroconv.data.buckets import Bucket
from zeroconv.data.opening import open_source
from zeroconv.data.sources import Source
from zeroconv.data.views import Examples
from zeroconv.training.bands import noise_bands
from zeroconv.training.config import TrainConfig
from zeroconv.training.curve import Curve
from zeroconv.training.examples import Preparation, find_buckets, held_out, telling, training_examples
from zeroconv.training.folder import RunFolder, check_same_run
from zeroconv.training.optimizer import check_same_optimizer
from zeroconv.training.precision import shorten
from zeroconv.training.processes import Processes
from zeroconv.training.run import Order, Run
from zeroconv.training.settings import settings_of
from zeroconv.training.start import first_controlnet
from zeroconv.training.unlock import unlock

PREVIEWED = 4
BEFORE_START = -1
"""A run that goes on from nothing, killed before its first state, measures step 0 again."""


def prepare(order: Order, base: BaseModel, given: dict[str, Any]) -> Run:
    """Everything that comes before the first step. Raises UserError for what cannot be done.

    given  settings that were asked for; the others are those of the run that is resumed, or suit the base, whose U-Net
           is brought into the number type of a shorter precision where it stays locked.
    """
    folder = RunFolder(order.out)
    record = folder.open(resume=order.resume)
    config = settings_of(base, order.processes, record, given)
    source, unseen_source = open_source(order.data, order.condition, base.native_size).split(order.held_out)
    buckets = find_buckets(source, base, config)
    about = about_run(order, base, source, buckets, config, record)
    if record is not None:
        print(f"going on after step {record['step']} of {order.out}" + _changes(record["config"], config))
    elif order.resume:
        print(f"nothing to resume in {order.out}: starting fresh")
    preparation = Preparation(base, order.condition, order.cache, order.workers, order.processes)
    examples = training_examples(preparation, source, buckets, config)
    unseen = preparation.encoded([unseen_source], "held-out examples")[0] if unseen_source else None
    if order.held_out and len(unseen or ()) < order.held_out:
        print(f"of {len(source) + len(unseen or ())} examples {len(unseen or ())} are held out for the control gain")
    measured = telling(unseen) if unseen else []
    if len(measured) < len(unseen or ()):
        print(f"the control gain is measured on the {len(measured)} of them whose condition is not empty")
    is_first = order.processes.is_first
    if is_first:
        folder.start(about)
    unlock(base, config.unlock)
    controlnet = first_controlnet(base, examples[0].condition.shape[0], config.seed, about["start"], config.variant)
    shorten(base.unet, config.locked_type)
    return Run(
        base=base,
        base_hash=base_hash(base),
        controlnet=controlnet,
        batches=_batches(base, examples, buckets, config, order.processes),
        held_out=held_out(base, measured, config) if measured and is_first else [],
        previewed=measured[:PREVIEWED] if is_first else [],
        config=config,
        folder=folder,
        about=about,
        record=record,
        curve=folder.rewind(record["step"] if record else BEFORE_START, noise_bands(base)) if is_first else Curve(),
        seconds=record["about"]["seconds"] if record else 0.0,
        processes=order.processes,
        tracked_by=order.trackers,
    )


def about_run(
    order: Order,
    base: BaseModel,
    source: Source,
    buckets: Sequence[Bucket],
    config: TrainConfig,
    record: dict[str, Any] | None,
) -> dict[str, Any]:
    """What the run is, to be written down; UserError where it cannot go on from the saved record."""
    start = record["about"].get("start") if record and order.start is None else order.start
    about = {**_about(order, base, source, config), "start": start, "buckets": list(map(str, buckets))}
    if record is not None:
        check_same_run(record["about"], about, order.out)
        check_same_optimizer(record["config"], config)
    return about


def _batches(
    base: BaseModel, examples: Examples, buckets: Sequence[Bucket], config: TrainConfig, processes: Processes
) -> Batches:
    return Batches(
        examples,
        base,
        config.batch_size,
        config.seed,
        config.prompt_drop,
        tuple(frozenset(bucket.members) for bucket in buckets),
        processes.rank,
        processes.count,
        config.timestep_power,
        config.shuffle_window,
    )


def _about(order: Order, base: BaseModel, source: Source, config: TrainConfig) -> dict[str, Any]:
    return {
        "schema": 1,
        "base": base.name,
        "base_fingerprint": base.fingerprint(),
        "condition": {"name": order.condition.name, "options": order.condition.options},
        "data": {**source.describe(), "examples": len(source)},
        "config": asdict(config),
        "noise_bands": [asdict(band) for band in noise_bands(base)],
        "machine": {
            "device": str(base.device),
            "threads": torch.get_num_threads(),
            "processes": order.processes.count,
            "python": platform.python_version(),
        },
        "versions": {"zeroconv": __version__, "torch": str(torch.__version__)},
    }


def _changes(before: dict[str, Any], config: TrainConfig) -> str:
    now = asdict(config)
    changed = [f"{name} {before[name]} -> {now[name]}" for name in now if before.get(name, now[name]) != now[name]]
    return f", with other settings: {', '.join(changed)}" if changed else ""
