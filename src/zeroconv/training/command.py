"""`zeroconv train`: the flags, and from them a training run."""

import argparse
import os
from pathlib import Path
from typing import Any, get_args

import torch

from zeroconv import conditions, fields
from zeroconv.base.flags import add_base_flags, load_asked
from zeroconv.data.cache import default_cache
from zeroconv.data.extraction import Extraction, extraction_of
from zeroconv.errors import UserError, nearest
from zeroconv.threads import add_threads_flag, use_threads
from zeroconv.training.config import TrainConfig, defaults_for
from zeroconv.training.course import finish, loop
from zeroconv.training.dry_run import dry_run, table
from zeroconv.training.interruption import Interruption, orderly_termination
from zeroconv.training.prepare import prepare
from zeroconv.training.processes import Processes, own_device, together
from zeroconv.training.run import Order
from zeroconv.training.trackers import check_names

DATA_HELP = """what to learn from: a folder of pictures with captions in text files beside them, with metadata.jsonl or
with prompt.json (folder:PATH,conditions=PATH2 where the condition images lie in another folder), tar shards as
data/*.tar, COCO or ADE20K as released, or rendered scenes: scenes:COUNT[,seed=N]"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `zeroconv train`; each field of TrainConfig is one."""
    parser.description = "Train a ControlNet on a locked base; docs/train-your-own.md explains how."
    add_base_flags(parser)
    parser.add_argument("--condition", required=True, help="what it shall obey, e.g. canny or canny,low=50,high=150")
    parser.add_argument("--data", required=True, help=DATA_HELP)
    parser.add_argument("--out", required=True, type=Path, help="folder of the run; the result is in its controlnet/")
    parser.add_argument("--resume", action="store_true", help="go on from the last saved state; fresh if there is none")
    parser.add_argument(
        "--dry-run",
        nargs="?",
        const="quick",
        choices=("quick", "timed"),
        help="check data, base, disk and memory, print what would be done, and train nothing; timed: measure the time "
        "of a step too, as is always done for small bases",
    )
    text = "begin with this ControlNet (folder, file, built-in name or hub id), not with a fresh copy of the base"
    parser.add_argument("--start", metavar="CONTROLNET", help=text)
    _add_settings(parser.add_argument_group("settings"))
    _add_machine(parser.add_argument_group("machine"))


def run(args: argparse.Namespace) -> int:
    """Trains as asked and returns the exit code; 130 or 143 where a signal ended it, its state saved."""
    use_threads(args.threads)
    device = _device(args.device)
    with together(device) as processes:
        return _train(args, own_device(device), processes)


def _train(args: argparse.Namespace, device: str, processes: Processes) -> int:
    order = Order(
        condition=_extraction(args.condition),
        data=args.data,
        out=args.out,
        resume=args.resume,
        workers=_at_least(0, args.workers, "--workers"),
        cache=args.cache,
        held_out=_held_out(args.held_out),
        start=args.start,
        trackers=tuple(args.tracker),
        processes=processes,
    )
    check_names(order.trackers)
    given = _given(args)
    fields.build(TrainConfig, given, of="train")  # wrong values are told before anything is loaded
    with orderly_termination():
        base = load_asked(args, device)
        if args.dry_run:
            print(table(dry_run(order, base, given, is_timed=args.dry_run == "timed")))
            return 0
        prepared = prepare(order, base, given)
    with Interruption() as interruption:
        loop(prepared, interruption)
    if interruption.signal is None:
        finish(prepared)
    return interruption.exit_code


def _add_settings(group: Any) -> None:
    small = defaults_for(0, torch.device("cpu"))
    for option in fields.options(TrainConfig):
        default = _shown(option.default) + (f"; for small bases {small[option.name]:g}" if option.name in small else "")
        text = f"{option.help} (default: {default})".replace("%", "%%")
        metavar = "yes|no" if option.annotation is bool else "|".join(get_args(option.annotation)) or "N"
        group.add_argument(f"--{option.name.replace('_', '-')}", metavar=metavar, help=text)


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, int | float) else str(value)


def _add_machine(group: Any) -> None:
    spare = min(4, (os.cpu_count() or 1) - 1)
    group.add_argument("--device", default="cpu", help="where to train: cpu, cuda, cuda:1 ... (default: cpu)")
    add_threads_flag(group, "train")
    group.add_argument(
        "--workers", type=int, metavar="N", default=spare, help="processes that prepare data (default: %(default)s)"
    )
    group.add_argument(
        "--cache", type=Path, default=default_cache(), help="folder of prepared data (default: %(default)s)"
    )
    group.add_argument(
        "--held-out",
        type=int,
        metavar="N",
        default=64,
        help="examples never trained on that measure the control gain; 0: no measurement (default: %(default)s)",
    )
    group.add_argument(
        "--tracker",
        action="append",
        metavar="NAME",
        default=[],
        help="where the run is shown besides its folder, may be repeated: tensorboard (the default where its package "
        "is installed), any other that accelerate knows, such as wandb or mlflow, or none",
    )


def _given(args: argparse.Namespace) -> dict[str, Any]:
    values = {option.name: getattr(args, option.name) for option in fields.options(TrainConfig)}
    return {name: value for name, value in values.items() if value is not None}


def _extraction(text: str) -> Extraction:
    """ "canny,low=50" -> how to make it."""
    name, *rest = text.split(",")
    options = dict(option.partition("=")[::2] for option in rest)
    return extraction_of(conditions.canonical(name), options)


def _device(name: str) -> str:
    try:
        kind = torch.device(name).type
    except RuntimeError as error:
        raise UserError(f"unknown device {name!r}; {nearest(name, ['cpu', 'cuda', 'mps'])}") from error
    if kind == "cuda" and not torch.cuda.is_available():
        raise UserError("this machine has no CUDA device that torch can use; take --device cpu")
    return name


def _held_out(count: int) -> int:
    if count == 1:
        raise UserError("--held-out needs at least 2 examples to exchange their conditions, or 0; got 1")
    return _at_least(0, count, "--held-out")


def _at_least(least: int, value: int, flag: str) -> int:
    if value < least:
        raise UserError(f"{flag} must be at least {least}; got {value}")
    return value
