"""`zeroconv dataset build`: a folder of photographs to a paired data set for any conditions."""

import argparse
import os
import time
from pathlib import Path

from tqdm import tqdm

from zeroconv import conditions
from zeroconv.dataset.build import METADATA, SKIPPED, build
from zeroconv.dataset.plan import Plan
from zeroconv.errors import UserError

EXAMPLES = """\
examples:
  zeroconv dataset build photos --conditions canny,hed --out dataset
  zeroconv dataset build photos --conditions canny,low=50,high=120 --conditions lineart --size 768 --out dataset
  zeroconv train --base tiny --condition canny --data dataset --out runs/canny

A run that was stopped goes on with the same command."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The subcommands and options of `zeroconv dataset`."""
    commands = parser.add_subparsers(dest="dataset_command", metavar="build", required=True)
    text = "photographs to pictures of one size with captions and condition images"
    command = commands.add_parser(
        "build", help=text, epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    command.add_argument("photos", metavar="PHOTOS", type=Path, help="folder of pictures, any layout that train reads")
    command.add_argument(
        "--conditions",
        action="append",
        required=True,
        metavar="NAMES",
        help="comma-separated names, or one name with its options, as canny,low=50; may be given several times; "
        f"known: {', '.join(conditions.extractable())}",
    )
    command.add_argument("--out", type=Path, required=True, metavar="DIR", help="new or empty folder, or one to go on")
    command.add_argument("--size", type=int, default=512, help="pixels of a side (default: 512)")
    command.add_argument("--fit", default="crop", help="crop, pad or stretch other shapes (default: crop)")
    text = "draw Canny's thresholds for each picture, so that the ControlNet learns sparse and dense edges"
    command.add_argument("--random-canny", action="store_true", help=text)
    text = "folder: captions found beside the pictures; none: all empty (default: folder)"
    command.add_argument("--captions", choices=("folder", "none"), default="folder", help=text)
    command.add_argument("--workers", type=int, help="processes (default: one a core; 0: this process alone)")


def run(arguments: argparse.Namespace) -> int:
    """Build what was asked for, with a progress bar, and say what came out."""
    workers = os.cpu_count() or 1 if arguments.workers is None else arguments.workers
    if workers < 0:
        raise UserError(f"--workers must be at least 0, got {workers}")
    names, options = _conditions(arguments.conditions)
    plan = Plan(
        conditions=names,
        size=arguments.size,
        fit=arguments.fit,
        options=options,
        random_canny=arguments.random_canny,
        has_captions=arguments.captions == "folder",
    )
    started, steps = time.perf_counter(), build(arguments.photos, arguments.out, plan, workers=workers)
    progress = next(steps)
    with tqdm(total=progress.total, initial=progress.done, unit="picture", desc="dataset") as bar:
        for progress in steps:
            bar.update(progress.done + progress.skipped - bar.n)
    print(f"{progress.done} examples in {time.perf_counter() - started:.0f} s: {arguments.out / METADATA}")
    if progress.skipped:
        print(f"{progress.skipped} pictures could not be read: {arguments.out / SKIPPED}")
    return 0


def _conditions(given: list[str]) -> tuple[tuple[str, ...], dict[str, dict[str, str]]]:
    """["canny,hed", "lineart,detail=0.7"] -> the names, and the options of those that have any."""
    names: list[str] = []
    options: dict[str, dict[str, str]] = {}
    for text in given:
        words = [word.strip() for word in text.split(",") if word.strip()]
        plain = [word for word in words if "=" not in word]
        if len(plain) != len(words) and len(plain) != 1:
            raise UserError(f"options belong to one condition, as in 'canny,low=50,high=120'; got {text!r}")
        names += plain
        if len(plain) != len(words):
            options[plain[0]] = dict(word.split("=", 1) for word in words if "=" in word)
    return tuple(names), options
