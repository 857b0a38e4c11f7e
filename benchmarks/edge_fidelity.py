"""The README's edge figures: the built-in Canny ControlNet on 256 held-out scenes, with control and without.

Run: python benchmarks/edge_fidelity.py [options of `zeroconv evaluate control`]
Writes runs/edge-fidelity/control.{json,csv,png} and prints the table; `zeroconv evaluate control` is the same code.
"""

import sys
from argparse import ArgumentParser

from zeroconv.errors import UserError
from zeroconv.evaluation.command import add_arguments, run


def main(options: list[str]) -> int:
    """Evaluate control with the defaults that the README's numbers are of."""
    parser = ArgumentParser(prog="edge_fidelity.py", description=__doc__)
    add_arguments(parser)
    try:
        return run(parser.parse_args(["control", "--out", "runs/edge-fidelity", *options]))
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
