"""`zeroconv annotate NAME IMAGE --out FILE`: the condition image of a picture, or of each picture of a folder."""

import argparse
import time
import typing
import warnings

import numpy as np
from PIL import Image

from zeroconv import conditions, fields
from zeroconv.cli.parser import some_path, whole
from zeroconv.dataset.annotate import Annotation, annotate_folder
from zeroconv.dataset.example import BATCH_HELP, check_batch_size
from zeroconv.dataset.journal import SKIPPED
from zeroconv.dataset.pool import core_count
from zeroconv.errors import UserError
from zeroconv.images import atomic_write, read_image, save_png
from zeroconv.progress import progress_bar

_EXAMPLES = """\
examples:
  zeroconv annotate canny photo.jpg --out edges.png
  zeroconv annotate canny photo.jpg --out more-edges.png --low 50 --high 120
  zeroconv annotate pose photo.jpg --out poses.json
  zeroconv annotate pose poses.json --out pose.png
  zeroconv annotate depth kinect.png --method algorithm --depth-map metric --out depth.png
  zeroconv annotate canny photos --out edges

Of a folder all pictures are annotated, on all cores, into folders of the same names. A run that was stopped goes on
with the same command; pictures that cannot be read are listed in DIR/skipped.jsonl.
`zeroconv annotate NAME --help` lists the options of a condition."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """One subcommand a condition; its flags are the condition's fields."""
    parser.epilog = _EXAMPLES
    kinds = parser.add_subparsers(title="conditions", dest="condition", metavar="NAME", required=True)
    for name in conditions.names():
        kind = conditions.kind(name)
        summary = kind.polarity if kind.extractor else f"{kind.polarity} (cannot be made from a picture yet)"
        command = kinds.add_parser(name, aliases=kind.aliases, help=summary, allow_abbrev=False)
        command.add_argument(
            "image", metavar="IMAGE", type=some_path, help="the picture, a file that stands for one, or a folder"
        )
        text = "where to write it, a .png; for a folder another folder"
        command.add_argument("--out", metavar="FILE", type=some_path, required=True, help=text)
        _add_folder_options(command)
        command.set_defaults(condition=name, options=(), parser=command)
        if kind.extractor:
            _add_options(command, kind.extractor)


def _add_folder_options(command: argparse.ArgumentParser) -> None:
    group = command.add_argument_group("for a folder")
    group.add_argument("--workers", type=whole, metavar="N", help="processes (default: one a core; 0: this one alone)")
    group.add_argument("--batch-size", type=whole, metavar="N", help=BATCH_HELP)
    group.add_argument("--overwrite", action="store_true", help="make images anew that are there already")


def run(args: argparse.Namespace) -> int:
    """Writes the condition image, or those of a folder."""
    given = {name: getattr(args, name) for name in args.options if getattr(args, name) is not None}
    extractor = conditions.create(args.condition, **given)  # wrong options are told before anything is read
    if args.image.is_dir():
        return _run_folder(args, Annotation(args.condition, given))
    if not args.image.is_file():
        read_image(args.image)  # says what is missing
    if args.workers is not None or args.batch_size is not None or args.overwrite:
        flags = "--workers, --batch-size and --overwrite"
        warnings.warn(f"{flags} are for folders; they change nothing for one picture", stacklevel=2)
    if args.out.suffix.lower() == ".json" and isinstance(extractor, conditions.WritesJson):
        return _write_json(extractor, args)
    if args.out.suffix.lower() != ".png":
        raise UserError(f"--out must end in .png, not {args.out.name!r}: lossy formats blur what a ControlNet reads")
    if args.out.exists() and args.image.exists() and args.out.samefile(args.image):
        raise UserError(f"--out would overwrite the picture {args.image} itself; choose another name")
    made = conditions.annotate_file(args.condition, args.image, given)
    args.out.parent.mkdir(parents=True, exist_ok=True)
    save_png(Image.fromarray(made), args.out)
    print(args.out)
    return 0


def _run_folder(args: argparse.Namespace, annotation: Annotation) -> int:
    """Writes the condition image of every picture of the folder, with a progress bar, and says what came out."""
    if args.out.suffix.lower() in (".png", ".json") and not args.out.is_dir():
        raise UserError(f"{args.image} is a folder, so --out must be a folder, not {args.out.name!r}")
    workers = core_count() if args.workers is None else args.workers
    if workers < 0:
        raise UserError(f"--workers must be at least 0, got {workers}")
    check_batch_size(args.batch_size)
    started = time.perf_counter()
    steps = annotate_folder(
        args.image, args.out, annotation, workers=workers, overwrite=args.overwrite, batch_size=args.batch_size
    )
    first = progress = next(steps)
    with progress_bar(total=progress.total, initial=progress.done, unit="picture", desc=annotation.condition) as bar:
        for progress in steps:
            bar.update(progress.done + progress.skipped - bar.n)
    made, seconds = progress.done - first.done, time.perf_counter() - started
    print(f"{made} {annotation.condition} images made in {seconds:.0f} s, {first.done} were there: {args.out}")
    if progress.skipped:
        print(f"{progress.skipped} pictures could not be used: {args.out / SKIPPED}")
    return 0


def _write_json(extractor: conditions.WritesJson, args: argparse.Namespace) -> int:
    """Writes what was found in the picture, to be edited and drawn again."""
    text = extractor.to_json(np.asarray(read_image(args.image)))
    args.out.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(args.out) as part:
        part.write_text(text, "utf-8")
    print(args.out)
    return 0


def _add_options(command: argparse.ArgumentParser, extractor: type) -> None:
    names = []
    for option in fields.options(extractor):
        metavar = option.annotation.__name__.upper() if isinstance(option.annotation, type) else "VALUE"
        if typing.get_origin(option.annotation) is typing.Literal:
            metavar = "{" + ",".join(map(str, typing.get_args(option.annotation))) + "}"
        text = f"{option.help} (default: {option.default})".replace("%", "%%")
        command.add_argument(f"--{option.name.replace('_', '-')}", dest=option.name, metavar=metavar, help=text)
        names.append(option.name)
    command.set_defaults(options=tuple(names))
