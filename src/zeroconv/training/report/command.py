"""`zeroconv train report`: one HTML page without further files, and one PNG, of a run in whatever state it is."""

import argparse
from pathlib import Path

from zeroconv.images import atomic_write
from zeroconv.training.report.figures import write_picture
from zeroconv.training.report.page import page
from zeroconv.training.report.reading import read_run

_EXAMPLES = """\
examples:
  zeroconv train report runs/canny
  zeroconv train report runs/canny --out /tmp/report"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `zeroconv train report`."""
    parser.description = "Settings, curves, pictures and warnings of a run that is finished, under way or was killed."
    parser.epilog = _EXAMPLES
    parser.add_argument("folder", metavar="RUN", type=Path, help="the folder given to zeroconv train as --out")
    parser.add_argument("--out", type=Path, help="where report.html and report.png go (default: RUN/report)")


def run(args: argparse.Namespace) -> int:
    """Writes both and says where they lie."""
    found = read_run(args.folder)
    out: Path = args.out or args.folder / "report"
    out.mkdir(parents=True, exist_ok=True)
    with atomic_write(out / "report.html") as temporary:
        temporary.write_text(page(found), "utf-8")
    write_picture(out / "report.png", found)
    print(f"{found.headline}: {found.status}")
    print(f"the report is in {out / 'report.html'} and {out / 'report.png'}")
    return 0
