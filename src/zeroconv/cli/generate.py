"""`zeroconv generate`: flags (or a request file, or both) -> pictures, a sheet and run.json in a folder."""

import argparse
import time
import typing
import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from zeroconv import conditions
from zeroconv.base import BaseModel
from zeroconv.base.flags import add_base_flags, load_asked
from zeroconv.cli.control_text import control_keys, parse_control
from zeroconv.cli.number_type import NUMBER_TYPES, number_type
from zeroconv.cli.parser import number, some_path, whole, whole_numbers, width_by_height
from zeroconv.cli.prompts_file import prompts_of_file
from zeroconv.cli.run_folder import RunFolder
from zeroconv.errors import UserError, nearest
from zeroconv.generate import generate, influence_of
from zeroconv.generate.influence_report import write_report
from zeroconv.generate.low_memory import smallest_type, without_text_encoders
from zeroconv.generate.prepare import Prepared, prepare
from zeroconv.images import Fit, read_image
from zeroconv.progress import progress_bar
from zeroconv.request import Request, record
from zeroconv.request.control import ControlRequest
from zeroconv.request.lora import parse_lora
from zeroconv.request.prompt_mode import PromptMode
from zeroconv.request.speed import Speed
from zeroconv.schedulers import scheduler_names

_MORE = ("image", "mask", "paste", "feather", "denoise", "prompt_mode", "speed")

_EXAMPLES = """\
examples:
  four pictures that follow the edges of a photo
    zeroconv generate --control canny=photo.jpg --prompt "a red house under a blue sky" --num-images 4 --out out
  a finished edge drawing, weaker, only in the first half of the steps
    zeroconv generate --control canny=lines.png,ready=yes,strength=0.7,end=0.5 --prompt "a tree" --out out
  the prompt leads on the left, the edges on the right; three strengths of one picture side by side
    zeroconv generate --control canny=photo.jpg,mask=right.png,feather=16 --prompt "a tree" --out out
    zeroconv generate --control canny=photo.jpg,strength=0/0.5/1 --seed 7/7/7 --prompt "a tree" --out out
  a photo changed while its edges stay; only the white part of a mask made anew
    zeroconv generate --image photo.jpg --denoise 0.6 --control canny=photo.jpg --prompt "a house at night" --out out
    zeroconv generate --image photo.jpg --mask roof.png --control canny=photo.jpg --prompt "a blue roof" --out out
  two controls at once; finer edges; a ControlNet of one's own
    zeroconv generate --control canny=a.jpg,low=50 --control canny=b.jpg,checkpoint=runs/canny/controlnet \\
      --prompt "a cone beside a sphere" --out out
  a thousand prompts, one a line; the same command goes on where it was stopped
    zeroconv generate --prompts prompts.txt --control canny=photo.jpg --out out
  the same run again with other seeds; every picture remembers its own request, too
    zeroconv generate --request out/run.json --seed 100 --out more
    zeroconv generate --request out/0002.png --out again

keys of --control, beside the condition's own options (canny: low, high):
KEYS

written: DIR/0000.png ..., DIR/control-NAME.png (what the ControlNet sees), DIR/sheet.png, DIR/run.json"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `zeroconv generate`."""
    parser.epilog = _EXAMPLES.replace("KEYS", control_keys())
    _add_what(parser.add_argument_group("what to make"))
    _add_how(parser.add_argument_group("how to make it"))
    machine = parser.add_argument_group("the machine")
    machine.add_argument("--device", metavar="NAME", help="cpu, cuda, cuda:1, mps (default: cuda where there is one)")
    machine.add_argument("--dtype", metavar="NAME", help=f"{', '.join(NUMBER_TYPES)} (default: float32)")
    machine.add_argument(
        "--batch-size", metavar="N", type=whole, help="pictures sampled together (default: by their size)"
    )
    machine.add_argument(
        "--low-memory",
        action="store_true",
        help="one picture at a time, 16-bit numbers where the device has them, text encoders freed when they have "
        "read, each network on the GPU only while it runs; the same pictures but for rounding",
    )


def _add_what(what: Any) -> None:
    what.add_argument("--prompt", metavar="TEXT", help="what the pictures show; may be empty")
    what.add_argument("--negative", metavar="TEXT", help="what they should not show")
    what.add_argument(
        "--control", metavar="NAME=IMAGE[,key=value...]", action="append", help="a condition; may be given repeatedly"
    )
    what.add_argument(
        "--prompts",
        metavar="FILE",
        type=some_path,
        help='one prompt a line, or {"prompt": ..., "negative": ..., "seed": ...}; --num-images of each',
    )
    what.add_argument("--image", metavar="FILE", type=some_path, help="a picture to change, in place of pure noise")
    what.add_argument(
        "--mask", metavar="FILE", type=some_path, help="white where --image is made anew, black where it is kept"
    )
    what.add_argument("--request", metavar="FILE", type=some_path, help="a run.json, or a picture made by zeroconv")
    what.add_argument("--out", metavar="DIR", type=some_path, required=True, help="folder for what is made")


def _add_how(how: Any) -> None:
    add_base_flags(how, default=None)
    how.add_argument(
        "--lora",
        metavar="FILE[:STRENGTH]",
        action="append",
        type=parse_lora,
        help="a LoRA merged into the base (extra lora); may be given repeatedly",
    )
    how.add_argument(
        "--prompt-mode",
        choices=typing.get_args(PromptMode),
        help="plain cuts prompts after 77 tokens, long reads all of them, weighted knows (house)1.3 and tree++ "
        "as well (extra prompts) (default: plain)",
    )
    how.add_argument(
        "--speed",
        choices=typing.get_args(Speed),
        help="balanced and fast leave out what changes the pictures a little: steps, guidance where little noise is "
        "left, and what a step has in common with the one before (default: exact)",
    )
    how.add_argument("--steps", metavar="N", type=whole, help="denoising steps (default: 20)")
    how.add_argument(
        "--guidance", metavar="X", type=number, help="how strictly the prompt is followed (default: the base's)"
    )
    how.add_argument(
        "--denoise",
        metavar="X",
        type=number,
        help="how much of --image is made anew (default: 0.8; with --mask 1)",
    )
    how.add_argument(
        "--feather", metavar="PX", type=number, help="how far within --mask the image fades into the new (default: 4)"
    )
    how.add_argument(
        "--no-paste",
        dest="paste",
        action="store_const",
        const=False,
        help="with --mask: leave the kept part as it was decoded; by default it is put back pixel by pixel",
    )
    how.add_argument("--scheduler", metavar="NAME", help=f"{', '.join(scheduler_names())} (default: the base's)")
    how.add_argument(
        "--seed",
        metavar="N[/N...]",
        type=whole_numbers,
        help="seed of the first picture, then counting up (default: 0); or one for each picture, as 7/7/9",
    )
    how.add_argument("--num-images", metavar="N", type=whole, help="how many pictures (default: 1)")
    how.add_argument(
        "--size", metavar="WxH", type=width_by_height, help="in pixels (default: the input's shape at the base's size)"
    )
    how.add_argument("--fit", choices=typing.get_args(Fit), help="how an input of another shape is brought to the size")
    how.add_argument(
        "--report",
        action="store_true",
        help="how much each control contributes at each layer, and where two pull apart: DIR/report.json, report.png",
    )
    how.add_argument("--overwrite", action="store_true", help="make pictures anew that this run has made before")


def run(args: argparse.Namespace) -> int:
    """Makes the pictures and writes the folder."""
    began = time.perf_counter()
    asked = _asked(args)
    device = _device(args.device)
    default = smallest_type(device) if args.low_memory else "float32"
    dtype = number_type(args.dtype or asked.dtype or default)
    _check_batch_size(args)
    _check_files(asked.request)
    with RunFolder(args.out, asked.request, args.request) as folder:
        args.base, args.tokenizer, args.prediction = asked.base or "tiny", asked.tokenizer, asked.prediction
        base = load_asked(args, "cpu" if args.low_memory else device, NUMBER_TYPES[dtype])
        loaded = time.perf_counter()
        prepared = _prepare(base, asked)
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


def _prepare(base: BaseModel, asked: record.Asked) -> Prepared:
    """The request made ready, with what was decided for the user said."""
    prepared = prepare(base, asked.request)
    if asked.fingerprint and asked.fingerprint != base.fingerprint():
        warnings.warn(f"the base {base.name} is not the one of the recorded run: pictures will differ", stacklevel=2)
    for note in prepared.notes:
        print(note)
    return prepared


def _sample(prepared: Prepared, folder: RunFolder, args: argparse.Namespace, device: torch.device) -> None:
    left = folder.left()
    if not left:
        return
    prepared = prepared.only(left)
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


def _device(name: str | None) -> torch.device:
    if name is None:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise UserError(f"unknown device {name!r}; {nearest(name, ('cpu', 'cuda', 'mps'))}") from error
    available = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if not available.get(device.type, False):
        have = ", ".join(kind for kind, is_there in available.items() if is_there)
        raise UserError(f"this machine or this build of torch has no device {name}; available: {have}")
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise UserError(f"no device {name}; this machine has {torch.cuda.device_count()}, counted from cuda:0")
    return device
