"""`zeroconv inspect FILE_OR_FOLDER`: what a checkpoint is."""

import argparse

from zeroconv import weights
from zeroconv.cli.parser import some_path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What to look at."""
    parser.add_argument("source", metavar="FILE_OR_FOLDER", type=some_path, help="a checkpoint, or a built-in name")


def run(args: argparse.Namespace) -> int:
    """Prints the description."""
    print(weights.describe(args.source))
    return 0
