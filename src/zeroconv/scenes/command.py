"""`zeroconv scenes`: write scenes with their condition images, or the fill50k tutorial set, to a folder."""

import argparse
from collections.abc import Iterator
from pathlib import Path

from zeroconv.errors import UserError
from zeroconv.progress import progress_bar
from zeroconv.scenes.export import METADATA, PICTURES, SceneExport, export_scenes
from zeroconv.scenes.fill50k import REFERENCE_SIZE, export_fill50k
from zeroconv.scenes.truth import CONDITIONS


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `zeroconv scenes`."""
    known = ", ".join(CONDITIONS)
    parser.add_argument("--count", type=int, default=64, help="how many scenes (default: 64)")
    parser.add_argument(
        "--seed", type=int, default=0, help="which world; the same seed gives the same scenes (default: 0)"
    )
    parser.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="new or empty folder, or one to continue"
    )
    parser.add_argument("--size", type=int, help="pixels of a side (default: 128; with --fill50k 512)")
    parser.add_argument("--conditions", metavar="NAMES", help=f"comma-separated, of {known}; or all (default: all)")
    parser.add_argument("--fill50k", action="store_true", help="the tutorial set of filled circles instead of scenes")


def run(args: argparse.Namespace) -> int:
    """Write what was asked for, with a progress bar, and say where it lies. UserError for what cannot be done."""
    if args.count < 1:
        raise UserError(f"expected --count of at least 1; got {args.count}")
    if args.fill50k:
        return _run_fill50k(args)
    size = 128 if args.size is None else args.size
    export = SceneExport(args.count, args.seed, size, _condition_names(args.conditions))
    _follow(export_scenes(args.out, export), args.count, "scenes")
    print(f"{args.count} scenes of seed {args.seed}, {size}x{size} pixels: {args.out}")
    print(f"  pictures      {args.out / PICTURES}")
    for name in export.conditions:
        print(f"  {name:<14}{args.out / name}")
    print(
        f"  captions      {args.out / METADATA}\n"
        f"in Hugging Face datasets: load_dataset('imagefolder', data_dir={str(args.out)!r})"
    )
    return 0


def _run_fill50k(args: argparse.Namespace) -> int:
    if args.conditions is not None:
        raise UserError("--conditions has no effect with --fill50k, whose only condition is the outline; leave it out")
    size = REFERENCE_SIZE if args.size is None else args.size
    _follow(export_fill50k(args.out, args.count, args.seed, size), args.count, "circles")
    print(f"{args.count} circles of seed {args.seed}, {size}x{size} pixels: {args.out}")
    for name, meaning in (
        ("source", "outlines (the condition)"),
        ("target", "filled circles"),
        ("prompt.json", "prompts, as JSON lines"),
        ("truth.jsonl", "centres, radii and colours"),
    ):
        print(f"  {meaning:<28}{args.out / name}")
    return 0


def _condition_names(text: str | None) -> tuple[str, ...]:
    if text is None or text.strip().lower() == "all":
        return tuple(CONDITIONS)
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    if not names:
        raise UserError(f"expected condition names after --conditions, or all; known: {', '.join(CONDITIONS)}")
    return names


def _follow(done: Iterator[int], total: int, unit: str) -> None:
    """Run an export to its end under a progress bar."""
    with progress_bar(total=total, unit=unit[:-1], desc=unit) as bar:
        for count in done:
            bar.update(count - bar.n)
