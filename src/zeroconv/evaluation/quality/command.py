"""`zeroconv evaluate pictures`: the quality and text alignment of the pictures in folders, whoever made them."""

import argparse
from argparse import Namespace
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from zeroconv.conditions.device import Device
from zeroconv.errors import UserError
from zeroconv.evaluation.output import bar, make_folder
from zeroconv.evaluation.quality.measures import MEASURES
from zeroconv.threads import add_threads_flag

if TYPE_CHECKING:
    from zeroconv.evaluation.quality.pictures import Pictures
    from zeroconv.evaluation.quality.scorer import Scorer
    from zeroconv.evaluation.report import Report

SCENES = "scenes"

_EPILOG = """\
measures:
  {measures}

weights, with --weights NAME=FILE, FOLDER or hub id (may be given several times):
  inception  pt_inception-2015-12-05-6726825d.pth, the file of pytorch-fid (default: where torch.hub keeps it)
  clip       a CLIP in transformers' layout (default: openai/clip-vit-large-patch14, from the hub)
  dino       a DINO or DINOv2 in transformers' layout (default: facebook/dinov2-large, from the hub)
  aesthetic  sac+logos+ava1-l14-linearMSE.pth, the head of LAION for CLIP ViT-L/14 (default: where torch.hub keeps it)
  scenes     a perception network of the embedded world (default: the one that ships; needs no network)

examples:
  zeroconv evaluate pictures out/ours --reference scenes --measures scenes-fid,scenes-score
  zeroconv evaluate pictures ours=out/a theirs=out/b --reference photographs --measures fid,kid,clip-score,aesthetic
  zeroconv evaluate pictures out/a --prompts prompts.txt --measures clip-score --weights clip=models/clip-l14

Captions come from --prompts, from metadata.jsonl or a text file beside each picture, or from the record that `zeroconv
generate` leaves in its pictures. A Frechet distance depends on the number of pictures: compare equal numbers only."""


def add_pictures(evaluations: Any) -> None:
    """Give the parser of evaluations the one of pictures and its options."""
    width = max(map(len, MEASURES))
    lines = "\n  ".join(f"{name:<{width}}  {measured.meaning}" for name, measured in MEASURES.items())
    text = "quality and text alignment of the pictures in folders, whoever made them"
    pictures = evaluations.add_parser(
        "pictures",
        help=text,
        description=text.capitalize() + ".",
        epilog=_EPILOG.format(measures=lines),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    pictures.set_defaults(evaluate=_evaluate)
    text = (
        "a folder of pictures; several come into one table under their names, with what the first has over each of the "
    )
    text += "others, picture by picture"
    pictures.add_argument("folders", metavar="[NAME=]FOLDER", nargs="+", help=text)
    text = "what distances are measured to: a folder of pictures, or `scenes`, held-out ones of the embedded world (of "
    text += "a folder so called: ./scenes)"
    pictures.add_argument("--reference", metavar="FOLDER", help=text)
    text = "names with commas between, from the list below (default: scenes-fid,scenes-kid)"
    pictures.add_argument("--measures", metavar="NAME,NAME", default="scenes-fid,scenes-kid", help=text)
    text = "captions, one a line in the order of the pictures' names (default: those that the folder holds)"
    pictures.add_argument("--prompts", metavar="FILE", type=Path, help=text)
    text = "where a network's weights are, see below"
    pictures.add_argument("--weights", metavar="NAME=PLACE", action="append", default=[], help=text)
    text = "how pictures come to Inception's 299 pixels: as clean-fid does, or as pytorch-fid (default: clean)"
    pictures.add_argument("--resize", metavar="clean|pytorch", default="clean", help=text)
    text = "only the first so many pictures of each folder, so that all have equally many (default: all)"
    pictures.add_argument("--count", type=int, metavar="N", help=text)
    text = f"where to compute: {', '.join(get_args(Device))} (default: cpu)"
    pictures.add_argument("--device", choices=get_args(Device), metavar="NAME", default="cpu", help=text)
    add_threads_flag(pictures, "compute")
    pictures.add_argument("--out", type=Path, default=Path("runs/pictures"), help="folder (default: runs/pictures)")


def _evaluate(arguments: Namespace) -> int:
    from zeroconv.evaluation.quality.pictures import of_folder, read_prompts
    from zeroconv.evaluation.quality.scorer import Scorer

    prompts = read_prompts(arguments.prompts) if arguments.prompts else None
    systems = {
        name: of_folder(folder, prompts).first(arguments.count) for name, folder in _named(arguments.folders).items()
    }
    scorer = Scorer(
        arguments.measures,
        reference=_reference(arguments.reference, max(map(len, systems.values()))),
        weights=dict(_weights(text) for text in arguments.weights),
        resize=arguments.resize,
        device=arguments.device,
        progress=bar,
    )
    make_folder(arguments.out)
    if len(systems) == 1:
        _measure_one(scorer, *systems.popitem(), arguments.out)
    else:
        _measure_several(scorer, systems, arguments.out)
    return 0


def _measure_one(scorer: "Scorer", name: str, pictures: "Pictures", out: Path) -> None:
    report = scorer.score(pictures, name)
    summary, rows = report.write(out, "pictures")
    print(report.as_table())
    print(f"written: {summary}, {rows}")


def _measure_several(scorer: "Scorer", systems: Mapping[str, "Pictures"], out: Path) -> None:
    from zeroconv.evaluation.quality.comparison import Comparison
    from zeroconv.evaluation.report import as_csv, write_text

    reports: dict[str, Report] = {}
    for name, pictures in systems.items():
        reports[name] = scorer.score(pictures, name)
        reports[name].write(out / name, "pictures")
        write_text(out / "comparison.csv", as_csv(Comparison(reports).as_rows()))
    print(Comparison(reports).as_table())
    print(f"written: {out / 'comparison.csv'} and a folder for each system")


def _named(given: Sequence[str]) -> dict[str, Path]:
    """Name -> folder, of FOLDER and NAME=FOLDER. UserError for one name twice."""
    found: dict[str, Path] = {}
    for text in given:
        name, equals, place = text.partition("=")
        is_named = bool(equals) and not Path(text).exists()
        folder = Path(place if is_named else text).expanduser()
        name = name if is_named else folder.resolve().name
        if name in found:
            raise UserError(f"two folders are called {name}: {found[name]} and {folder}; name them, as ours={folder}")
        if not name or Path(name).name != name:
            raise UserError(f"a system's name must be the name of a folder, as ours={folder}; got {name!r}")
        found[name] = folder
    return found


def _reference(given: str | None, count: int) -> "Pictures | None":
    """What is compared with; of scenes as many as there are pictures, at the size of the embedded base."""
    from zeroconv.evaluation.quality.own_backbones import SCENES_SIDE
    from zeroconv.evaluation.quality.pictures import of_folder, of_scenes

    if given is None:
        return None
    return of_scenes(count, SCENES_SIDE) if given == SCENES else of_folder(Path(given).expanduser())


def _weights(text: str) -> tuple[str, str]:
    name, equals, place = text.partition("=")
    if not equals or not place:
        raise UserError(f"--weights is written NAME=PLACE, as clip=models/clip-l14; got {text!r}")
    return name, place
