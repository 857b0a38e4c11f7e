"""The two scales: the embedded base on its own world, or the paper's, Stable Diffusion on photographs."""

from argparse import ArgumentParser, Namespace

from zeroconv.base import BaseModel
from zeroconv.conditions import canonical
from zeroconv.errors import UserError
from zeroconv.evaluation.output import bar
from zeroconv.reproduce.experiment import Experiment
from zeroconv.reproduce.gallery import DISTANCES, SCORES, Gallery
from zeroconv.reproduce.material import Ground
from zeroconv.reproduce.world import World

SCALES = ("small", "paper")
BASES = {"small": "tiny", "paper": "stable-diffusion-v1-5/stable-diffusion-v1-5"}
CHECKPOINTS = {
    "canny": "lllyasviel/sd-controlnet-canny",
    "depth": "lllyasviel/sd-controlnet-depth",
    "pose": "lllyasviel/sd-controlnet-openpose",
    "segmentation": "lllyasviel/sd-controlnet-seg",
}
"""The paper's own ControlNets on the hub."""


def add_scale_flags(parser: ArgumentParser) -> None:
    """What decides on what experiments are made."""
    parser.set_defaults(base=None)
    text = f"small: the embedded base and world, offline; paper: {BASES['paper']} (or --base) on your photographs"
    parser.add_argument("--scale", choices=SCALES, default="small", help=f"{text} (default: small)")
    text = "paper scale: photographs with captions, as for zeroconv train"
    parser.add_argument("--data", metavar="FOLDER", help=text)
    text = "a ControlNet in place of the usual one: a folder, a file or a hub id; may be given several times"
    parser.add_argument("--checkpoint", metavar="CONDITION=SOURCE", action="append", default=[], help=text)
    text = "paper scale: measure of how well pictures fit their captions (default: %(default)s)"
    parser.add_argument("--alignment", choices=SCORES, default="clip-score", help=text)
    text = "paper scale: measure of the distance to true pictures (default: %(default)s)"
    parser.add_argument("--quality", choices=DISTANCES, default="kid", help=text)
    text = "paper scale: where a measure's network is, as for zeroconv evaluate pictures; may be given several times"
    parser.add_argument("--weights", metavar="NAME=PLACE", action="append", default=[], help=text)


def check_scale(arguments: Namespace, experiments: list[Experiment]) -> None:
    """UserError for what cannot be measured at the scale that was asked for; the base's name is filled in."""
    arguments.base = arguments.base or BASES[arguments.scale]
    if arguments.scale == "small":
        if arguments.data is not None:
            raise UserError("--data is for --scale paper; at the small scale scenes are rendered")
        return
    if arguments.data is None:
        raise UserError("--scale paper needs photographs with captions: --data FOLDER")
    for experiment in experiments:
        if experiment.needs_world:
            raise UserError(f"{experiment.name} is measured at the small scale alone: {experiment.needs_world}")


def ground_of(arguments: Namespace, base: BaseModel) -> Ground:
    """Scenes or photographs, at the base's native size."""
    if arguments.scale == "small":
        return World(base.native_size, bar)
    return Gallery(
        arguments.data,
        base.native_size,
        bar,
        arguments.alignment,
        arguments.quality,
        dict(_pair(text, "--weights is written NAME=PLACE, as clip=models/clip-l14") for text in arguments.weights),
    )


def checkpoints_of(arguments: Namespace) -> dict[str, str]:
    """Condition -> ControlNet, where it is not the built-in one."""
    written = "--checkpoint is written CONDITION=SOURCE, as canny=runs/canny/controlnet"
    given = dict(_pair(text, written) for text in arguments.checkpoint)
    usual = CHECKPOINTS if arguments.base == BASES["paper"] else {}
    return {**usual, **{canonical(name): source for name, source in given.items()}}


def _pair(text: str, written: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not value:
        raise UserError(f"{written}; got {text!r}")
    return name, value
