"""Sampling speed of the embedded base, ours and diffusers' pipeline side by side in one process.

    python benchmarks/speed.py [--threads 2] [--repeats 5]

Images a second at 20 steps with guidance, for one picture and for eight at once, with and without the Canny ControlNet;
the median over the repeats, ours and theirs in turns. Run it on a machine that does nothing else.
"""

import argparse
import logging
import statistics
import time
from collections.abc import Callable
from functools import partial
from importlib.resources import files
from pathlib import Path

import torch
from diffusers import ControlNetModel, StableDiffusionControlNetPipeline, StableDiffusionPipeline
from PIL import Image, ImageDraw

from zeroconv import ControlRequest, Request, generate, load_base

STEPS, GUIDANCE = 20, 4.0
PROMPT = "a red house under a blue sky"
MODELS = Path(str(files("zeroconv"))) / "models"


def seconds(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def edges() -> Image.Image:
    """A house in white lines on black."""
    drawing = Image.new("RGB", (128, 128))
    pen = ImageDraw.Draw(drawing)
    pen.rectangle((35, 60, 95, 105), outline="white")
    pen.line((30, 60, 65, 30, 100, 60, 30, 60), fill="white")
    return drawing


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    logging.disable(logging.WARNING)
    base = load_base("tiny")
    theirs = StableDiffusionPipeline.from_pretrained(MODELS / "tiny")
    controlnet = ControlNetModel.from_pretrained(MODELS / "controlnet-canny")
    controlled = StableDiffusionControlNetPipeline(**theirs.components, controlnet=controlnet)
    for pipeline in (theirs, controlled):
        pipeline.set_progress_bar_config(disable=True)
    print(f"{arguments.threads} threads, {STEPS} steps, guidance {GUIDANCE:g}; images a second (median)")
    print(f"{'':28}{'zeroconv':>10}{'diffusers':>11}{'ratio':>8}")
    image = edges()
    control = ControlRequest("canny", image, ready=True)
    for name, controls, pipeline, extra in (
        ("no control", (), theirs, {}),
        ("Canny ControlNet", (control,), controlled, {"image": image}),
    ):
        for batch in (1, 8):
            seeds = tuple(range(batch))
            request = Request(prompt=PROMPT, controls=controls, steps=STEPS, guidance=GUIDANCE, seeds=seeds)
            settings = {"num_inference_steps": STEPS, "guidance_scale": GUIDANCE, "num_images_per_prompt": batch}
            ours = partial(lambda request: list(generate(base, request)), request)
            other = partial(pipeline, PROMPT, **settings, **extra)
            times = [(seconds(ours), seconds(other)) for _ in range(arguments.repeats + 1)][1:]
            first, second = (statistics.median(column) for column in zip(*times, strict=True))
            label = f"{name}, batch {batch}"
            print(f"{label:28}{batch / first:10.2f}{batch / second:11.2f}{second / first:8.2f}", flush=True)


if __name__ == "__main__":
    main()
