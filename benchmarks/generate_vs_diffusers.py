"""Prompt to picture, ours and diffusers' pipelines in turns, each in a process of its own: time, memory, difference.

    python benchmarks/generate_vs_diffusers.py --base sd15 --size 512     # the real size, random weights: 8 GB
    python benchmarks/generate_vs_diffusers.py --base tiny --size 128     # the embedded base
    ... --mode eager,parts,compiled,defaults --row none,one,two --steps 20 --device cuda

Rows: no control, one ControlNet, two of which the second acts in the first half of the steps. Modes: eager,
compiled (torch.compile of U-Net and ControlNets) and parts (what --compile compiles; of theirs the U-Net's transformer
blocks) in float32; defaults, each in the number type it takes by itself. Base, scheduler, steps, guidance, seeds and
weights are the same, every joint of the ControlNets is randomised, and the pictures must agree: their largest
difference is printed in 255ths. Run it on a machine that does nothing else.
"""

import argparse
import json
import logging
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers import StableDiffusionControlNetPipeline, StableDiffusionPipeline
from PIL import Image
from train_vs_diffusers import base_of, controlnet_of

from zeroconv import BaseModel, ControlRequest, Request, as_diffusers, generate
from zeroconv.allocator import keep_freed_memory
from zeroconv.control import ControlNet
from zeroconv.generate.compiled import compile_parts
from zeroconv.generate.prepare import prepare
from zeroconv.number_types import NUMBER_TYPES, fastest_type
from zeroconv.schedulers import make_scheduler

SIDES = ("zeroconv", "diffusers")
ROWS = {"none": (), "one": (1.0,), "two": (1.0, 0.5)}
"""Where each ControlNet's window ends, as a share of the steps."""
MODES = ("eager", "parts", "compiled", "defaults")
PROMPT, GUIDANCE, SCHEDULER = "a red house under a blue sky", 4.0, "ddim"
Draw = Callable[[int], Image.Image]


def conditions_of(size: int, count: int) -> list[Image.Image]:
    """Noise will do: the work is the same."""
    draws = np.random.default_rng(1)
    return [Image.fromarray(draws.integers(0, 256, (size, size, 3), dtype=np.uint8)) for _ in range(count)]


def ours(base: BaseModel, nets: list[ControlNet], arguments: argparse.Namespace) -> Draw:
    """Seed -> picture."""
    pictures, ends = conditions_of(arguments.size, len(nets)), ROWS[arguments.row]
    controls = tuple(
        ControlRequest("canny", picture, ready=True, checkpoint=net, end=end)
        for net, picture, end in zip(nets, pictures, ends, strict=True)
    )
    settings: dict[str, Any] = {"steps": arguments.steps, "guidance": GUIDANCE, "scheduler": SCHEDULER}
    size = (arguments.size, arguments.size)

    def draw(seed: int) -> Image.Image:
        return next(generate(base, prepare(base, Request(PROMPT, controls, seeds=(seed,), size=size, **settings))))

    return draw


def theirs(base: BaseModel, nets: list[ControlNet], arguments: argparse.Namespace) -> Draw:
    """Seed -> picture."""
    parts: dict[str, Any] = {
        "vae": base.vae,
        "unet": base.unet,
        "text_encoder": base.text_encoders[0],
        "tokenizer": base.tokenizers[0],
        "scheduler": make_scheduler(SCHEDULER, base.scheduler),
        "safety_checker": None,
        "feature_extractor": None,
        "requires_safety_checker": False,
    }
    settings: dict[str, Any] = {"num_inference_steps": arguments.steps, "guidance_scale": GUIDANCE}
    if nets:
        pipeline: Any = StableDiffusionControlNetPipeline(
            **parts, controlnet=[as_diffusers(net).eval() for net in nets]
        )
        settings |= {
            "image": conditions_of(arguments.size, len(nets)),
            "controlnet_conditioning_scale": [1.0] * len(nets),
            "control_guidance_end": list(ROWS[arguments.row]),
        }
    else:
        pipeline = StableDiffusionPipeline(**parts)
    if arguments.mode == "compiled":
        for net in pipeline.controlnet.nets if nets else ():
            net.compile()
    pipeline.set_progress_bar_config(disable=True)
    size = {"height": arguments.size, "width": arguments.size}

    def draw(seed: int) -> Image.Image:
        picture: Image.Image = pipeline(PROMPT, generator=[torch.Generator().manual_seed(seed)], **size, **settings)[0][
            0
        ]
        return picture

    return draw


def one_side(arguments: argparse.Namespace) -> None:
    """Draws pictures; prints seconds each and peak memory as one line of JSON, and keeps the last picture."""
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    if arguments.side == "zeroconv":
        keep_freed_memory()  # as the command does
    base = base_of(arguments.base)
    nets = [controlnet_of(base).eval().requires_grad_(False).to(arguments.device) for _ in ROWS[arguments.row]]
    for part in (base.unet, base.vae, *base.text_encoders):
        part.to(arguments.device)
    if arguments.mode == "defaults" and arguments.side == "zeroconv":  # as load_base(dtype="auto") does
        shortest = NUMBER_TYPES[fastest_type(torch.device(arguments.device))]
        for network in (base.unet, base.vae, *base.text_encoders, *nets):
            torch.nn.Module.to(network, shortest)
    if arguments.mode == "compiled":
        base.unet.compile()
        if arguments.side == "zeroconv":
            for net in nets:
                net.compile()
    if arguments.mode == "parts" and arguments.side == "zeroconv":
        for network in (base.unet, *nets):
            compile_parts(network)
    elif arguments.mode == "parts":
        base.unet.compile_repeated_blocks()
    draw = (ours if arguments.side == "zeroconv" else theirs)(base, nets, arguments)
    seconds = []
    for _ in range(arguments.repeats + (arguments.mode in ("parts", "compiled"))):
        started = time.perf_counter()
        picture = draw(1)
        seconds.append(time.perf_counter() - started)
    picture.save(arguments.picture)
    on_gpu = arguments.device != "cpu"
    peak = torch.cuda.max_memory_allocated() if on_gpu else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({"seconds": seconds[-arguments.repeats :], "peak": peak}))


def run(side: str, mode: str, row: str, arguments: argparse.Namespace, picture: Path) -> dict[str, Any]:
    """One side in a process of its own."""
    names = ("base", "size", "steps", "repeats", "threads", "device")
    passed = [f"--{name}={getattr(arguments, name)}" for name in names]
    command = [sys.executable, str(Path(__file__)), *passed, f"--side={side}", f"--picture={picture}"]
    out = subprocess.run([*command, f"--mode={mode}", f"--row={row}"], check=True, stdout=subprocess.PIPE, text=True)
    result: dict[str, Any] = json.loads(out.stdout.splitlines()[-1])
    return result


def compare(mode: str, row: str, arguments: argparse.Namespace, folder: Path) -> None:
    """Rounds of both sides, first one and then the other in front; prints a line."""
    files = {side: folder / f"{side}.png" for side in SIDES}
    runs = []
    for number in range(arguments.rounds):
        order = SIDES if number % 2 == 0 else SIDES[::-1]
        runs.append({side: run(side, mode, row, arguments, files[side]) for side in order})
    seconds = {side: [statistics.median(one[side]["seconds"]) for one in runs] for side in SIDES}
    peak = {side: max(one[side]["peak"] for one in runs) for side in SIDES}
    ratios = sorted(other / mine for mine, other in zip(seconds["zeroconv"], seconds["diffusers"], strict=True))
    mine, other = (np.asarray(Image.open(files[side]), dtype=np.int16) for side in SIDES)
    times = "".join(f"{statistics.median(seconds[side]):9.2f} s" for side in SIDES)
    memory = f"{peak['zeroconv'] / 2**30:6.2f} GiB, {peak['zeroconv'] / peak['diffusers']:.2f} of theirs"
    ratio = f"{statistics.median(ratios):6.2f}x ({ratios[0]:.2f} .. {ratios[-1]:.2f})"
    print(f"{mode:9} {row:5}{times}{ratio}   {memory}   {abs(mine - other).max()}/255", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", choices=("tiny", "sd15"), default="tiny")
    parser.add_argument("--size", type=int, default=128, help="side of the pictures in pixels")
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--mode", default="eager,defaults", help=", ".join(MODES))
    parser.add_argument("--row", default=",".join(ROWS), help=", ".join(ROWS))
    parser.add_argument("--rounds", type=int, default=3, help="processes a side, in turns")
    parser.add_argument("--repeats", type=int, default=3, help="pictures a process")
    parser.add_argument("--threads", type=int, default=0, help="0: as many as torch takes")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--side", choices=SIDES, help=argparse.SUPPRESS)
    parser.add_argument("--picture", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    logging.disable(logging.WARNING)
    warnings.simplefilter("ignore")
    if arguments.side:
        one_side(arguments)
        return
    settings = f"{arguments.base}, {arguments.size} pixels, {arguments.steps} steps, {arguments.device}"
    print(f"{settings}: seconds a picture, ours and diffusers', ratio, memory, largest difference")
    with tempfile.TemporaryDirectory() as folder:
        for mode in arguments.mode.split(","):
            for row in arguments.row.split(","):
                compare(mode, row, arguments, Path(folder))


if __name__ == "__main__":
    main()
