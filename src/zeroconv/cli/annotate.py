"""`zeroconv annotate NAME IMAGE --out FILE`: the condition image of a picture, at the picture's size."""

import argparse
import typing

import numpy as np
from PIL import Image

from zeroconv import conditions, fields
from zeroconv.cli.parser import some_path
from zeroconv.errors import UserError
from zeroconv.images import atomic_write, read_image, save_png

_EXAMPLES = """\
examples:
  zeroconv annotate canny photo.jpg --out edges.png
  zeroconv annotate canny photo.jpg --out more-edges.png --low 50 --high 120
  zeroconv annotate pose photo.jpg --out poses.json
  zeroconv annotate pose poses.json --out pose.png
  zeroconv annotate depth kinect.png --method algorithm --depth-map metric --out depth.png

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
            "image", metavar="IMAGE", type=some_path, help="the picture, or a file that stands for one"
        )
        command.add_argument("--out", metavar="FILE", type=some_path, required=True, help="where to write it, a .png")
        command.set_defaults(condition=name, options=(), parser=command)
        if kind.extractor:
            _add_options(command, kind.extractor)


def run(args: argparse.Namespace) -> int:
    """Writes the condition image."""
    given = {name: getattr(args, name) for name in args.options if getattr(args, name) is not None}
    extractor = conditions.create(args.condition, **given)  # wrong options are told before anything is read
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
