"""A training run from beginning to end: prepare the data, train, and on the way log, measure, show and save."""

import platform
import signal
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch

from zeroconv import __version__
from zeroconv.base import BaseModel
from zeroconv.base.hashing import base_hash
from zeroconv.control import ControlNet
from zeroconv.data.batches import Batches
from zeroconv.data.buckets import Bucket
from zeroconv.data.cache import Encoded
from zeroconv.data.extraction import Extraction
from zeroconv.data.opening import open_source
from zeroconv.data.records import Batch
from zeroconv.data.sources import Source
from zeroconv.data.views import Examples
from zeroconv.progress import progress_bar
from zeroconv.training.bands import noise_bands
from zeroconv.training.best import best_point, forget_replaced, step_of
from zeroconv.training.config import TrainConfig
from zeroconv.training.curve import Curve
from zeroconv.training.examples import Preparation, find_buckets, held_out, telling, training_examples
from zeroconv.training.folder import RunFolder, check_same_run
from zeroconv.training.interruption import Interruption
from zeroconv.training.loop import Step, train
from zeroconv.training.observe import BAR, Shown, has_stalled, is_due, measure_start, observe, onset_of, say
from zeroconv.training.optimizer import check_same_optimizer
from zeroconv.training.precision import shorten
from zeroconv.training.processes import ALONE, Processes
from zeroconv.training.result import save_last, state_of
from zeroconv.training.settings import settings_of
from zeroconv.training.start import first_controlnet
from zeroconv.training.state import TrainState, save_state, saved_steps, to_record
from zeroconv.training.trackers import Trackers, open_trackers
from zeroconv.training.unlock import unlock

PREVIEWED = 4
BEFORE_START = -1
"""A run that goes on from nothing, killed before its first state, measures step 0 again."""


@dataclass(frozen=True)
class Order:
    """What is asked for besides the base and the settings."""

    condition: Extraction
    data: str
    out: Path
    resume: bool
    workers: int
    cache: Path
    held_out: int
    start: str | None = None
    """A ControlNet to begin with in place of a fresh one."""
    trackers: tuple[str, ...] = ()
    """Where it is shown besides its folder; empty: TensorBoard where it is installed."""
    processes: Processes = ALONE
    """Those that train together, of which this is one."""


@dataclass
class Run:
    """A run under way."""

    base: BaseModel
    base_hash: str
    """Of what is locked in it."""
    controlnet: ControlNet
    batches: Batches
    held_out: list[Batch]
    """Fixed batches that measure the control gain; the first process alone has them."""
    previewed: list[Encoded]
    """Held-out examples of which pictures are made."""
    config: TrainConfig
    folder: RunFolder
    about: dict[str, Any]
    record: dict[str, Any] | None
    """The saved state to go on from."""
    curve: Curve
    seconds: float
    """Spent training in all, earlier sittings included."""
    processes: Processes = ALONE
    state: TrainState | None = None
    tracked_by: tuple[str, ...] = ()
    trackers: Trackers = field(default_factory=Trackers)
    shown: Shown = field(default_factory=Shown)


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


def loop(run: Run, interruption: Interruption) -> None:
    """Trains until the last step, the end of the run's patience or a signal; the state is saved at each."""
    done = run.record["step"] if run.record else 0
    if run.processes.is_first:
        run.trackers = open_trackers(
            run.tracked_by,
            run.folder.path,
            resumed_at=done if run.record else None,
            settings=asdict(run.config),
            is_cpu=run.base.device.type == "cpu",
        )
    with closing(run.trackers):
        measure_start(run)
        if done < run.config.steps and any(run.processes.largest(has_stalled(run))):
            print("its patience is at an end: a larger --patience, or 0, goes on")
            return
        _take_steps(run, interruption, done)


def finish(run: Run) -> None:
    """Saves the result with its summary and says where it lies; raises RuntimeError if what is locked has changed."""
    state = state_of(run)
    state.gather()
    if not run.processes.is_first:
        return
    save_last(run)
    if run.curve.points:
        last, best = run.curve.points[-1], best_point(run.curve.points)
        print(f"control gain on held-out examples: {last.gain:.4f} +- {last.gain_interval:.4f}")
        if run.folder.best.exists() and best is not None and step_of(run.folder.best) == best.step != last.step:
            print(f"the best was {best.gain:.4f} after step {best.step}; that ControlNet is in {run.folder.best}")
        if onset_of(run) is None:
            print("these measurements do not show that the condition is used yet")
    its_base = "" if run.config.unlock == "none" else f", its base in {run.folder.base}"
    print(
        f"{state.step} steps in {run.seconds / 60:.1f} minutes; the ControlNet is in {run.folder.controlnet}{its_base}"
    )


def save(run: Run) -> None:
    """Saves the whole state of the run, which all processes have and the first one writes."""
    assert run.state is not None
    record = to_record(run.state, run.config, {**run.about, "seconds": run.seconds})
    if not run.processes.is_first:
        return
    save_state(run.folder.states, record)
    forget_replaced(run.folder.best, run.folder.states, saved_steps(run.folder.states))


def _take_steps(run: Run, interruption: Interruption, done: int) -> None:
    began = time.perf_counter() - run.seconds
    with progress_bar(total=run.config.steps, initial=done, unit="step", bar_format=BAR) as bar:
        for step in train(
            run.base,
            run.controlnet,
            run.batches,
            run.config,
            held_out=run.held_out,
            resume=run.record,
            processes=run.processes,
        ):
            run.state, run.seconds = step.state, time.perf_counter() - began
            if is_due(step.number, run.config.preview_every):
                step.state.gather()
            if run.processes.is_first:
                observe(run, step, bar)
            is_over = _agreed(run, step, interruption)
            if is_over or is_due(step.number, run.config.save_every) or interruption.signal is not None:
                save(run)
            if interruption.signal is not None:
                bar.close()
                print(
                    f"stopped by {interruption.signal.name} after step {step.number}, which is saved; --resume goes on"
                )
                return
            if is_over:
                if step.number < run.config.steps:
                    say(
                        run, step.number, f"stopped early: no better control gain in {run.config.patience} measurements"
                    )
                return


def _agreed(run: Run, step: Step, interruption: Interruption) -> bool:
    """Whether this was the last step; a signal to one process, or what the first one measured, goes for all."""
    has_ended = step.number == run.config.steps or (step.gain is not None and has_stalled(run))
    is_over, number = run.processes.largest(has_ended, interruption.signal or 0)
    if number:
        interruption.signal = signal.Signals(int(number))
    return bool(is_over)


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
