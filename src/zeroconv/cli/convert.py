"""`zeroconv convert SOURCE TARGET --to diffusers|original`: another layout, and the proof that it computes the same."""

import argparse

from zeroconv.base.single_file.prediction import PREDICTIONS
from zeroconv.cli.parser import some_path
from zeroconv.number_types import NUMBER_TYPES, number_type
from zeroconv.weights.convert import LAYOUTS, Order, convert

_EXAMPLES = """\
examples:
  a released ControlNet as a folder for diffusers
    zeroconv convert control_v11p_sd15_canny.pth canny --to diffusers
  a ControlNet of one's own for programs that read single files, at half the size
    zeroconv convert runs/canny/controlnet canny.safetensors --to original --dtype float16
  a Control-LoRA, which is whole only with its base
    zeroconv convert control-lora-canny-rank256.safetensors canny --to diffusers --base sd_xl_base_1.0.safetensors
  a base in a single file as a diffusers folder
    zeroconv convert v1-5-pruned-emaonly.safetensors sd15 --to diffusers --tokenizer CLIP_FOLDER

Source and result run on the same random input; how far they are apart is printed: 0, or what --dtype rounds off."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """From what, to what."""
    parser.epilog = _EXAMPLES
    parser.add_argument("source", metavar="SOURCE", help="a ControlNet or a base: file, folder, name or hub id")
    parser.add_argument("target", metavar="TARGET", type=some_path, help="a new folder, or a new .safetensors file")
    text = "diffusers: a folder with config.json; original: one file in the layout of the released models"
    parser.add_argument("--to", choices=LAYOUTS, required=True, help=text)
    text = f"number type of the written weights: {', '.join(NUMBER_TYPES)} (default: the source's)"
    parser.add_argument("--dtype", metavar="NAME", help=text)
    text = "the base of a Control-LoRA or a difference, whose weights make it whole"
    parser.add_argument("--base", metavar="NAME", help=text)
    parser.add_argument("--tokenizer", metavar="DIR", help="CLIP's vocabulary for a base in a single file")
    text = "what a base in a single file predicts, where it does not say it"
    parser.add_argument("--prediction", metavar="|".join(PREDICTIONS), choices=PREDICTIONS, help=text)


def run(args: argparse.Namespace) -> int:
    """Converts and prints the proof."""
    dtype = None if args.dtype is None else NUMBER_TYPES[number_type(args.dtype)]
    order = Order(args.source, args.target, args.to, dtype, args.base, args.tokenizer, args.prediction)
    converted = convert(order)
    for note in converted.notes:
        print(note)
    for proof in converted.proofs:
        print(f"same random input, source and result: {proof}")
    print(f"written: {args.target}")
    return 0
