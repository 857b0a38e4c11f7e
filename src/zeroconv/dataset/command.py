"""`zeroconv dataset build`: photographs to a paired data set; `zeroconv dataset check`: what is wrong with one."""

import argparse
import json
import time
import warnings
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any, get_args

from zeroconv import conditions
from zeroconv.data.extraction import parse_conditions
from zeroconv.data.listing import list_folder
from zeroconv.dataset.build import build
from zeroconv.dataset.captions import WEIGHTS
from zeroconv.dataset.check import check
from zeroconv.dataset.example import BATCH_HELP, check_batch_size
from zeroconv.dataset.imagefolder import METADATA
from zeroconv.dataset.journal import SKIPPED, Progress
from zeroconv.dataset.measure import measure_all
from zeroconv.dataset.plan import SHARD_SIZE, Captions, Layout, Plan
from zeroconv.dataset.pool import core_count
from zeroconv.errors import UserError
from zeroconv.images import atomic_write
from zeroconv.progress import progress_bar

SHOWN_PROBLEMS = 10
CAPTIONS_HELP = """folder: those that the layout has (default); sidecar: text files beside the pictures; jsonl: the list
metadata.jsonl, metadata.csv or prompt.json; blip: said by the BLIP network; none: all empty"""
EXAMPLES = """\
examples:
  zeroconv dataset build photos --conditions canny,hed --out dataset
  zeroconv dataset build photos --conditions canny,low=50,high=120 --conditions lineart --size 768 --out dataset
  zeroconv train --base tiny --condition canny --data dataset --out runs/canny

A run that was stopped goes on with the same command, --ray and --workers may differ."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The subcommands and options of `zeroconv dataset`."""
    commands = parser.add_subparsers(dest="dataset_command", metavar="build|check", required=True)
    _add_build(commands)
    _add_check(commands)


def _add_build(commands: Any) -> None:
    text = "photographs to pictures of one size with captions and condition images"
    command = commands.add_parser(
        "build", help=text, epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    command.add_argument("photos", metavar="PHOTOS", type=Path, help="pictures in any layout that train reads")
    command.add_argument("--out", type=Path, required=True, metavar="DIR", help="new or empty folder, or one to go on")
    _add_examples(command.add_argument_group("examples"))
    _add_result(command.add_argument_group("result"))
    command.set_defaults(run_dataset=_build)


def _add_examples(group: Any) -> None:
    group.add_argument(
        "--conditions",
        action="append",
        required=True,
        metavar="NAMES",
        help="comma-separated names, or one name with its options, as canny,low=50; may be given several times; "
        f"known: {', '.join(conditions.extractable())}",
    )
    group.add_argument("--size", type=int, default=512, help="pixels of a side (default: 512)")
    group.add_argument("--fit", default="crop", help="crop, pad or stretch other shapes (default: crop)")
    text = "draw Canny's thresholds for each picture, so that the ControlNet learns sparse and dense edges"
    group.add_argument("--random-canny", action="store_true", help=text)
    group.add_argument("--captions", choices=get_args(Captions), default="folder", help=CAPTIONS_HELP)
    text = f"with --captions blip: folder or hub id of a BLIP network (default: {WEIGHTS})"
    group.add_argument("--caption-weights", metavar="NAME", help=text)


def _add_result(group: Any) -> None:
    text = "imagefolder: files and metadata.jsonl; webdataset: tar shards (default: imagefolder)"
    group.add_argument("--layout", choices=get_args(Layout), default="imagefolder", help=text)
    text = f"examples of a tar shard at most (default: {SHARD_SIZE})"
    group.add_argument("--shard-size", type=int, metavar="N", help=text)
    group.add_argument("--workers", type=int, help="processes (default: one a core; 0: this process alone)")
    group.add_argument("--batch-size", type=int, metavar="N", help=BATCH_HELP)
    text = "do the work on a Ray cluster, as auto or ray://HEAD:10001 (without ADDRESS: one on this machine)"
    group.add_argument("--ray", nargs="?", const="", metavar="ADDRESS", help=text)


def _add_check(commands: Any) -> None:
    text = "faults that ruin a training: unpaired, mixed up, inverted, empty, BGR, duplicated, grey, without captions"
    command = commands.add_parser("check", help=text, description=f"Look for {text}. Exit code 1 where one is fatal.")
    command.add_argument(
        "data", metavar="DATASET", type=Path, help="what train reads: a folder, or tar shards as 'data/*.tar'"
    )
    command.add_argument("--condition", required=True, help="which condition is looked at, as depth")
    command.add_argument("--ready", type=Path, metavar="DIR", help="folder of the condition images, if another")
    command.add_argument("--json", type=Path, metavar="FILE", help="write the findings there too")
    command.set_defaults(run_dataset=_check)


def run(arguments: argparse.Namespace) -> int:
    """Build or check, whichever was asked for."""
    code: int = arguments.run_dataset(arguments)
    return code


def _check(arguments: argparse.Namespace) -> int:
    condition, problems = conditions.canonical(arguments.condition), list[str]()
    if arguments.json is not None:  # before minutes of work, not after them
        arguments.json.parent.mkdir(parents=True, exist_ok=True)
    entries = list_folder(arguments.data, condition, arguments.ready, problems).entries
    bar = progress_bar(measure_all(entries, problems), total=len(entries), unit="picture", desc="check")
    examples = [example for example in bar if example is not None]
    findings = check(examples, condition)
    for problem in problems[:SHOWN_PROBLEMS]:
        print(f"ERROR {problem}")
    if len(problems) > SHOWN_PROBLEMS:
        print(f"ERROR and {len(problems) - SHOWN_PROBLEMS} more files or lines like these")
    for finding in findings:
        print(finding)
    without = sum(entry.condition is None for entry in entries)
    made = f", {without} without a {condition} image, which training makes from the picture" if without else ""
    print(f"{len(examples)} examples looked at{made}; {len(problems) + len(findings)} findings")
    if arguments.json is not None:
        report = {"problems": problems, "findings": [asdict(finding) for finding in findings]}
        with atomic_write(arguments.json) as part:
            part.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    return int(bool(problems) or any(finding.is_error for finding in findings))


def _build(arguments: argparse.Namespace) -> int:
    """Build what was asked for, with a progress bar, and say what came out."""
    workers = core_count() if arguments.workers is None else arguments.workers
    if workers < 0:
        raise UserError(f"--workers must be at least 0, got {workers}")
    check_batch_size(arguments.batch_size)
    names, options = parse_conditions(arguments.conditions)
    plan = Plan(
        conditions=names,
        size=arguments.size,
        fit=arguments.fit,
        options=options,
        random_canny=arguments.random_canny,
        captions=arguments.captions,
        caption_weights=WEIGHTS if arguments.caption_weights is None else arguments.caption_weights,
        layout=arguments.layout,
        shard_size=SHARD_SIZE if arguments.shard_size is None else arguments.shard_size,
    )
    started, steps = time.perf_counter(), _steps(arguments, plan, workers)
    progress = next(steps)
    with progress_bar(total=progress.total, initial=progress.done, unit="picture", desc="dataset") as bar:
        for progress in steps:
            bar.update(progress.done + progress.skipped - bar.n)
    result = METADATA if plan.layout == "imagefolder" else "shard-*.tar"
    print(f"{progress.done} examples in {time.perf_counter() - started:.0f} s: {arguments.out / result}")
    if progress.skipped:
        print(f"{progress.skipped} pictures could not be read: {arguments.out / SKIPPED}")
    return 0


def _steps(arguments: argparse.Namespace, plan: Plan, workers: int) -> Iterator[Progress]:
    for flag, is_idle, reason in (
        ("--workers", arguments.ray and arguments.workers is not None, "with a cluster, which has its own workers"),
        ("--shard-size", plan.layout != "webdataset" and arguments.shard_size is not None, "on --layout imagefolder"),
        ("--caption-weights", plan.captions != "blip" and arguments.caption_weights, f"on --captions {plan.captions}"),
    ):
        if is_idle:
            warnings.warn(f"{flag} has no effect {reason}", stacklevel=2)
    return build(
        arguments.photos,
        arguments.out,
        plan,
        workers=workers,
        cluster=arguments.ray,
        batch_size=arguments.batch_size,
    )
