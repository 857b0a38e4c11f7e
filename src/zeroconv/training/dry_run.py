"""`zeroconv train --dry-run`: what a training would read, write and hold in memory, before anything is spent.

Nothing is written. Some examples are read as the training would read them, and one step is taken on tensors without
content; the time is measured on real steps where the base is small, or where that was asked for.
"""

import math
import os
import statistics
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from zeroconv import conditions
from zeroconv.base import BaseModel
from zeroconv.control import ControlNet
from zeroconv.data.batches import Batches, share
from zeroconv.data.cache import LATENTS, Encoded, cache_folder, encode, encoder_hash, num_missing
from zeroconv.data.folder import FolderSource
from zeroconv.data.opening import open_source
from zeroconv.data.records import Example
from zeroconv.data.sources import Source
from zeroconv.errors import UserError
from zeroconv.training.config import SMALL, TrainConfig
from zeroconv.training.disk import Writes, check_disk, in_words, run_writes
from zeroconv.training.examples import find_buckets, training_views
from zeroconv.training.folder import RunFolder
from zeroconv.training.loop import train
from zeroconv.training.memory import Memory, estimate_memory
from zeroconv.training.precision import shorten
from zeroconv.training.prepare import about_run
from zeroconv.training.run import Order
from zeroconv.training.settings import settings_of
from zeroconv.training.start import first_controlnet, num_parameters
from zeroconv.training.unlock import part_of

LOOKED_AT = 8
"""Examples that are read, evenly spread over the data."""
TIMED_STEPS = 3
"""Real steps where the time is measured; the first, which also sets up, does not count."""

Rows = list[tuple[str, str]]


def dry_run(order: Order, base: BaseModel, given: dict[str, Any], *, is_timed: bool = False) -> Rows:
    """What would be done, as names and values. Raises UserError for what would go wrong."""
    record = RunFolder(order.out).open(resume=order.resume)
    config = settings_of(base, order.processes, record, given)
    source, unseen = open_source(order.data, order.condition, base.native_size).split(order.held_out)
    buckets = find_buckets(source, base, config)
    about = about_run(order, base, source, buckets, config, record)
    examples = _look(source)
    _check_examples(examples, base, order)
    controlnet = first_controlnet(base, examples[0].condition.shape[2], config.seed, about["start"], config.variant)
    views = training_views(source, buckets, config)
    cache = _cache_writes(order, base, [part for view in views for part in view], unseen, config, examples)
    writes = [cache, *run_writes(order.out, base, controlnet, config)]
    check_disk(writes)
    about_data = _about_data(order, source, unseen, examples, config)
    if buckets:  # the largest needs most
        examples = _look(views[0][max(range(len(buckets)), key=lambda number: math.prod(buckets[number].size))])
    batches = _batches(order, base, config, examples, is_encoded=False)
    memory = estimate_memory(base, controlnet, next(batches.starting(0)), config, order.processes.count)
    _check_memory(memory, base.device)
    rows = [
        *_about_resume(order, record),
        *about_data,
        *_about_base(base, controlnet, config),
        *((f"disk: {write.what}", f"{in_words(write.num_bytes)} in {write.folder}") for write in writes),
        *_about_memory(memory),
    ]
    if is_timed or num_parameters(base) < SMALL:
        rows += _about_time(order, base, controlnet, config, examples)
    return rows


def table(rows: Rows) -> str:
    """Names and values in two columns."""
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"{name:<{width}}  {value}" for name, value in rows)


def _look(source: Source) -> list[Example]:
    count = min(LOOKED_AT, len(source))
    return source.read([round(position * (len(source) - 1) / max(1, count - 1)) for position in range(count)])


def _check_examples(examples: Sequence[Example], base: BaseModel, order: Order) -> None:
    for example in examples:
        height, width = example.image.shape[:2]
        if height % base.multiple or width % base.multiple:
            raise UserError(f"{base.name} needs sides that are multiples of {base.multiple}, not {width} x {height}")
        if example.condition.shape[:2] != (height, width):
            raise UserError(f"the condition of {example.name} is not as large as its picture, {width} x {height}")
    if all(np.ptp(example.condition) == 0 for example in examples):
        raise UserError(
            f"all {len(examples)} {order.condition.name} images that were looked at are of one colour: "
            "nothing can be learnt from them"
        )


def _about_resume(order: Order, record: dict[str, Any] | None) -> Rows:
    if not order.resume:
        return []
    return [("resume", f"after step {record['step']:,}" if record else f"nothing in {order.out}: a fresh start")]


def _about_data(
    order: Order, source: Source, unseen: Source | None, examples: Sequence[Example], config: TrainConfig
) -> Rows:
    height, width = examples[0].image.shape[:2]
    low = min(int(example.condition.min()) for example in examples)
    high = max(int(example.condition.max()) for example in examples)
    black, white = conditions.kind(order.condition.name).value_range
    seen = [black + value / 255 * (white - black) for value in (low, high)]
    known = source.entries if isinstance(source, FolderSource) else examples
    empty = sum(not entry.caption.strip() for entry in known) / len(known)
    passes = config.steps * config.batch_size / len(source)
    return [
        ("examples", f"{len(source):,}, and {len(unseen or ()):,} held out"),
        ("pictures", f"{width} x {height} pixels"),
        ("condition", f"{order.condition.name}, values {seen[0]:.3g} to {seen[1]:.3g} in {len(examples)} looked at"),
        ("captions", f"{empty:.0%} empty in {len(known):,}; e.g. {examples[0].caption[:60]!r}"),
        ("prompts", f"{config.prompt_drop + (1 - config.prompt_drop) * empty:.0%} will be empty"),
        ("training", f"{config.steps:,} steps of {config.batch_size}: {passes:.3g} times through the data"),
    ]


def _about_base(base: BaseModel, controlnet: ControlNet, config: TrainConfig) -> Rows:
    trained = sum(value.numel() for value in controlnet.parameters())
    unlocked = sum(weight.numel() for weight in part_of(base, config.unlock).values())
    return [
        ("base", f"{base.name}, {base.family}, U-Net of {num_parameters(base):,} parameters"),
        ("ControlNet", f"{trained:,} parameters, {config.variant}, {config.optimizer}, {config.precision}"),
        *([] if config.unlock == "none" else [("unlocked", f"{unlocked:,} parameters of the base ({config.unlock})")]),
        ("sizes", f"{base.native_size} pixels natively, multiples of {base.multiple}"),
    ]


def _about_memory(memory: Memory) -> Rows:
    return [
        ("memory: base", in_words(memory.base)),
        ("memory: ControlNet", in_words(memory.controlnet)),
        ("memory: optimiser", in_words(memory.optimizer)),
        ("memory: gradients, activations", in_words(memory.step)),
        ("memory: together", f"about {in_words(memory.peak)}"),
    ]


def _about_time(
    order: Order, base: BaseModel, controlnet: ControlNet, config: TrainConfig, examples: Sequence[Example]
) -> Rows:
    batches = _batches(order, base, config, examples, is_encoded=True)
    few = replace(config, steps=TIMED_STEPS, gain_every=0)
    shorten(base.unet, config.locked_type)
    taken = [config.batch_size / step.samples_per_second for step in train(base, controlnet, batches, few)]
    seconds = statistics.median(taken[1:])
    alone = " by this process alone" if order.processes.count > 1 else ""
    hours = seconds * config.steps / 3600
    return [("time", f"{seconds:.3g} s a step{alone}, {hours:.3g} hours in all, without measurements and previews")]


def _batches(
    order: Order, base: BaseModel, config: TrainConfig, examples: Sequence[Example], *, is_encoded: bool
) -> Batches:
    """Batches of the examples that were read, one part each of what a process computes; latents of zeros if need be."""
    height, width = (side // base.factor for side in examples[0].image.shape[:2])
    shape = (len(examples), base.latent_channels, height, width)
    latents = encode(base, examples)[LATENTS] if is_encoded else torch.zeros(shape)
    value_range = conditions.kind(order.condition.name).value_range
    encoded = [
        Encoded(
            name=example.name,
            latent=latent,
            caption=example.caption,
            condition=torch.from_numpy(example.condition).permute(2, 0, 1),
            index=index,
            value_range=value_range,
        )
        for index, (example, latent) in enumerate(zip(examples, latents, strict=True))
    ]
    mine = share(config.batch_size, 0, order.processes.count)
    at_once = config.batch_size if is_encoded else -(-(mine.stop - mine.start) // config.accumulation)
    return Batches(encoded, base, at_once, config.seed, config.prompt_drop)


def _cache_writes(
    order: Order,
    base: BaseModel,
    views: Sequence[Source],
    unseen: Source | None,
    config: TrainConfig,
    examples: Sequence[Example],
) -> Writes:
    """What the cache still lacks: latents in float32, conditions in uint8, one channel where all are grey.

    Buckets are taken for squares, from whose area theirs differ by a tenth at most.
    """
    height, width, channels = examples[0].condition.shape
    is_grey = all((example.condition == example.condition[..., :1]).all() for example in examples)
    latent = 4 * base.latent_channels * (height // base.factor) * (width // base.factor)
    condition = height * width * (1 if is_grey else channels)
    encoder = encoder_hash(base)

    def missing(source: Source, with_deviation: bool) -> int:
        folder = cache_folder(
            order.cache, base, source, order.condition, with_deviation=with_deviation, encoder=encoder
        )
        return num_missing(folder, len(source))

    seen = sum(missing(source, config.sample_latents) for source in views)
    held_out = missing(unseen, False) if unseen is not None else 0
    deviations = seen * latent if config.sample_latents else 0
    count = seen + held_out
    return Writes(f"cache of {count:,} examples", order.cache, count * (latent + condition) + deviations)


def _check_memory(memory: Memory, device: torch.device) -> None:
    total = _total_memory(device)
    if total is not None and memory.peak > total:
        raise UserError(
            f"the training would need about {in_words(memory.peak)} of memory, {device} has {in_words(total)}: "
            "--checkpointing yes, a larger --accumulation, --optimizer adamw8bit or a smaller --batch-size need less"
        )


def _total_memory(device: torch.device) -> int | None:
    """The device's memory; None where it does not tell."""
    if device.type == "cuda":
        return int(torch.cuda.get_device_properties(device).total_memory)
    if device.type == "cpu" and hasattr(os, "sysconf"):
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return None
