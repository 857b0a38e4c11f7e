"""The flags of `zeroconv generate` and its help."""

import argparse
import typing
from typing import Any

from zeroconv.base.flags import add_base_flags
from zeroconv.cli.control_text import control_keys
from zeroconv.cli.parser import number, some_path, whole, whole_numbers, width_by_height
from zeroconv.images import Fit
from zeroconv.number_types import NUMBER_TYPES
from zeroconv.request.lora import parse_lora
from zeroconv.request.prompt_mode import PromptMode
from zeroconv.request.speed import Speed
from zeroconv.schedulers import scheduler_names

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
    _add_change(parser.add_argument_group("from a picture"))
    _add_pictures(parser.add_argument_group("how many, how large"))
    _add_how(parser.add_argument_group("how to make it"))
    machine = parser.add_argument_group("the machine")
    machine.add_argument("--device", metavar="NAME", help="cpu, cuda, cuda:1, mps (default: cuda where there is one)")
    machine.add_argument(
        "--dtype",
        metavar="NAME",
        help=f"auto, {', '.join(NUMBER_TYPES)} (default: that of --request, else auto: bfloat16 where the device "
        "multiplies in it, which is faster and rounds more, float32 elsewhere)",
    )
    machine.add_argument(
        "--batch-size", metavar="N", type=whole, help="pictures sampled together (default: by their size)"
    )
    machine.add_argument(
        "--compile",
        action="store_true",
        help="torch.compile for U-Net and ControlNets: minutes before the first picture, which many pictures pay back; "
        "the same pictures but for rounding",
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
    what.add_argument("--request", metavar="FILE", type=some_path, help="a run.json, or a picture made by zeroconv")
    what.add_argument("--out", metavar="DIR", type=some_path, required=True, help="folder for what is made")


def _add_change(change: Any) -> None:
    change.add_argument("--image", metavar="FILE", type=some_path, help="a picture to change, in place of pure noise")
    change.add_argument(
        "--mask", metavar="FILE", type=some_path, help="white where --image is made anew, black where it is kept"
    )
    change.add_argument(
        "--denoise",
        metavar="X",
        type=number,
        help="how much of --image is made anew (default: 0.8; with --mask 1)",
    )
    change.add_argument(
        "--feather", metavar="PX", type=number, help="how far within --mask the image fades into the new (default: 4)"
    )
    change.add_argument(
        "--no-paste",
        dest="paste",
        action="store_const",
        const=False,
        help="with --mask: leave the kept part as it was decoded; by default it is put back pixel by pixel",
    )


def _add_pictures(pictures: Any) -> None:
    pictures.add_argument(
        "--seed",
        metavar="N[/N...]",
        type=whole_numbers,
        help="seed of the first picture, then counting up (default: 0); or one for each picture, as 7/7/9",
    )
    pictures.add_argument("--num-images", metavar="N", type=whole, help="how many pictures (default: 1)")
    pictures.add_argument(
        "--size", metavar="WxH", type=width_by_height, help="in pixels (default: the input's shape at the base's size)"
    )
    pictures.add_argument(
        "--fit", choices=typing.get_args(Fit), help="how an input of another shape is brought to the size"
    )


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
        help="balanced and fast take fewer steps of a better solver, and guide only while much noise is left: 2.3 and "
        "4 times less work, pictures that differ a little (default: exact)",
    )
    how.add_argument("--steps", metavar="N", type=whole, help="denoising steps (default: 20)")
    how.add_argument(
        "--guidance", metavar="X", type=number, help="how strictly the prompt is followed (default: the base's)"
    )
    how.add_argument("--scheduler", metavar="NAME", help=f"{', '.join(scheduler_names())} (default: the base's)")
    how.add_argument(
        "--report",
        action="store_true",
        help="how much each control contributes at each layer, and where two pull apart: DIR/report.json, report.png",
    )
    how.add_argument("--overwrite", action="store_true", help="make pictures anew that this run has made before")
