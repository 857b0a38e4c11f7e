"""`zeroconv generate`: flags (or a request file, or both) -> pictures, a sheet and run.json in a folder."""

import argparse
import time
import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from zeroconv import conditions
from zeroconv.base import BaseModel
from zeroconv.base.flags import load_asked
from zeroconv.cli.control_text import parse_control
from zeroconv.cli.generate_flags import add_arguments
from zeroconv.cli.prompts_file import prompts_of_file
from zeroconv.devices import asked_device
from zeroconv.errors import UserError
from zeroconv.generate import generate, influence_of
from zeroconv.generate.compiled import check_compiler, compile_networks
from zeroconv.generate.influence_report import write_report
from zeroconv.generate.low_memory import without_text_encoders
from zeroconv.generate.prepare import prepare
from zeroconv.generate.prepared import Prepared
from zeroconv.generate.run_folder import RunFolder
from zeroconv.images import read_image
from zeroconv.number_types import NUMBER_TYPES, fastest_type, number_type, smallest_type
from zeroconv.progress import progress_bar
from zeroconv.request import Request, record
from zeroconv.request.control import ControlRequest

__all__ = ["add_arguments", "run"]

_MORE = ("image", "mask", "paste", "feather", "denoise", "prompt_mode", "speed")


def run(args: argparse.Namespace) -> int:
    """Makes the pictures and writes the folder."""
    began = time.perf_counter()
    asked = _asked(args)
    device = asked_device(args.device)
    auto = smallest_type(device) if args.low_memory else fastest_type(device)
    dtype = number_type(args.dtype or asked.dtype or "auto", auto)
    _check_batch_size(args)
    _check_files(asked.request)
    if args.compile:
        check_compiler(device)
    with RunFolder(args.out, asked.request, args.request) as folder:
        args.base, args.tokenizer, args.prediction = asked.base or "tiny", asked.tokenizer, asked.prediction
        base = load_asked(args, "cpu" if args.low_memory else device, NUMBER_TYPES[dtype])
        loaded = time.perf_counter()
        prepared = _prepare(base, asked, dtype)
        folder.begin(base, prepared, device=str(device), dtype=dtype, tokenizer=asked.tokenizer)
        folder.compare_checkpoints(asked.checkpoint_hashes)
        kept = 0 if args.overwrite else folder.keep_finished()
        if kept:
            print(f"{kept} of {len(folder.pictures)} pictures are there already (--overwrite makes them anew)")
        if args.low_memory:
            prepared = without_text_encoders(prepared)
        del base  # the text encoders may go
        ready = time.perf_counter()
        try:
            _sample(prepared, folder, args, device)
        finally:  # stopped early, what was finished still has its record
            seconds = {"load": loaded - began, "prepare": ready - loaded, "sample": time.perf_counter() - ready}
            folder.end(seconds, len(folder.finished) - kept)
    for path in folder.made():
        print(path)
    return 0


def _check_batch_size(args: argparse.Namespace) -> None:
    if args.batch_size is not None and args.batch_size < 1:
        raise UserError(f"--batch-size must be 1 or more, not {args.batch_size}")
    if args.low_memory and args.batch_size not in (None, 1):
        raise UserError(f"--low-memory makes one picture at a time; leave out --batch-size {args.batch_size}")


def _check_files(request: Request) -> None:
    """Tells a wrong file before a large base is loaded; what a condition reads in place of a picture is read later."""
    later = [str(control.image) for control in request.controls if _is_read_later(control)]
    for picture in request.pictures():
        if str(picture) not in later:
            read_image(str(picture))


def _is_read_later(control: ControlRequest) -> bool:
    """Whether its file is no picture, but of a kind that its condition reads, as poses in JSON or depth in .npy."""
    file = Path(str(control.image))
    kinds = () if control.ready else conditions.file_types(conditions.create(control.name, **control.options))
    return file.suffix.lower() in kinds and file.is_file()


def _prepare(base: BaseModel, asked: record.Asked, dtype: str) -> Prepared:
    """The request made ready, with what was decided for the user said."""
    prepared = prepare(base, asked.request)
    is_comparable = asked.dtype == dtype or "bfloat16" not in (asked.dtype, dtype)  # it rounds before the fingerprint
    if is_comparable and asked.fingerprint and asked.fingerprint != base.fingerprint():
        warnings.warn(f"the base {base.name} is not the one of the recorded run: pictures will differ", stacklevel=2)
    for note in prepared.notes:
        print(note)
    return prepared


def _sample(prepared: Prepared, folder: RunFolder, args: argparse.Namespace, device: torch.device) -> None:
    left = folder.left()
    if not left:
        return
    prepared = prepared.only(left)
    if args.compile:
        compile_networks(prepared)
        print("compiling: the first step takes minutes")
    influence = influence_of(prepared) if args.report and prepared.controls else None
    count, steps = len(left), prepared.num_steps
    memory = {"batch_size": 1, "device": device} if args.low_memory else {"batch_size": args.batch_size}
    with progress_bar(total=count * steps, desc=f"{count} picture{'s' * (count > 1)}", unit="step", leave=False) as bar:
        for image in generate(prepared.base, prepared, on_step=bar.update, influence=influence, **memory):
            folder.add(image)
    if influence is not None:
        print(*write_report(influence, folder.folder), sep="\n")


def _asked(args: argparse.Namespace) -> record.Asked:
    """What the request file says, with the flags given beside it."""
    if args.request is None and args.prompt is None and args.prompts is None:
        raise UserError('--prompt is needed (or --prompts or --request FILE); --prompt "" leaves all to the controls')
    if args.prompt is not None and args.prompts is not None:
        raise UserError("give --prompt or --prompts, not both")
    asked = record.read(args.request) if args.request else record.Asked(Request(prompt=args.prompt or ""))
    changes: dict[str, Any] = {
        name: getattr(args, name)
        for name in ("prompt", "negative", "steps", "guidance", "scheduler", "size", "fit", *_MORE)
        if getattr(args, name) is not None
    }
    if args.control:
        changes["controls"] = tuple(parse_control(text) for text in args.control)
        asked = replace(asked, checkpoint_hashes=())
    if args.lora:
        changes["loras"] = tuple(args.lora)
    if args.prompts:
        changes |= prompts_of_file(args.prompts, args.seed, args.num_images, args.negative)
    elif args.seed is not None or args.num_images is not None:
        changes["seeds"] = _seeds(args, asked.request)
    if args.base is not None:
        asked = replace(asked, base=args.base, fingerprint=None, tokenizer=None, prediction=None)
    named = {name: getattr(args, name) for name in ("tokenizer", "prediction") if getattr(args, name) is not None}
    return replace(asked, request=replace(asked.request, **changes), **named)


def _seeds(args: argparse.Namespace, request: Request) -> Sequence[int]:
    given: tuple[int, ...] = args.seed or request.seeds[:1]
    count = args.num_images
    if count is not None and count < 1:
        raise UserError(f"--num-images must be 1 or more, not {count}")
    if len(given) == 1:
        return range(given[0], given[0] + (len(request.seeds) if count is None else count))
    if count not in (None, len(given)):
        raise UserError(f"--seed names {len(given)} pictures, --num-images {count}; leave one of them out")
    return given
