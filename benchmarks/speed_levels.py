"""What each level of `--speed` saves and what it costs, on held-out scenes of the embedded base.

    python benchmarks/speed_levels.py OUT [--scenes 512] [--levels balanced,fast] [--condition canny] [--threads 2]

Every scene is drawn once at each level, one picture at a time, from the same noise and caption under the built-in
ControlNet, the levels in turns. OUT keeps a line a picture: the same command goes on where it was stopped. Printed: how
much sooner a picture is there (wall clock and processor), how much less is computed (a scene's floating-point
operations), the fidelity to the condition with its relative paired difference to `exact`, and how near the pictures
are to those of `exact` (PSNR). Times hold for a machine that does nothing else; the rest for any.
"""

import argparse
import json
import logging
import statistics
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch.utils.flop_counter import FlopCounterMode

from zeroconv import BaseModel, ControlRequest, Request, generate, load_base
from zeroconv.evaluation.fidelity import BY_EXTRACTOR, fidelity_of
from zeroconv.evaluation.held_out import HeldOut, Picture, held_out_scenes
from zeroconv.evaluation.measured import Asked
from zeroconv.evaluation.statistics import estimate_mean, estimate_relative
from zeroconv.generate.prepare import prepare
from zeroconv.generate.prepared import Prepared
from zeroconv.generate.speed import LEVELS

Row = dict[str, Any]


def prepared(
    base: BaseModel, held_out: HeldOut, asked: list[Asked], scene: int, level: str, condition: str
) -> Prepared:
    """One scene's request at one level, ready to be drawn."""
    control = ControlRequest(condition, Image.fromarray(asked[scene].image), ready=True)
    return prepare(base, Request(held_out.captions[scene], (control,), seeds=(scene,), speed=level))


def drawn(base: BaseModel, request: Prepared) -> tuple[Picture, Row]:
    """The picture, and how long it took."""
    wall, processor = time.perf_counter(), time.process_time()
    (picture,) = generate(base, request)
    return np.asarray(picture), {"seconds": time.perf_counter() - wall, "processor": time.process_time() - processor}


def psnr(picture: Picture, other: Picture) -> float:
    """In dB; 99 for pictures that are equal."""
    error = float(np.square(picture.astype(np.float64) - other).mean())
    return 99.0 if error == 0 else float(10 * np.log10(255**2 / error))


def finished(file: Path) -> dict[tuple[int, str], Row]:
    """What earlier runs measured, but for a last line that was cut."""
    rows = {}
    for line in file.read_text("utf-8").splitlines() if file.is_file() else ():
        try:
            row = json.loads(line)
        except json.JSONDecodeError:
            continue
        rows[row["scene"], row["level"]] = row
    return rows


def measure(base: BaseModel, arguments: argparse.Namespace, levels: list[str]) -> dict[tuple[int, str], Row]:
    """One row for each scene and level; those that are there already are kept."""
    condition, folder = arguments.condition, arguments.out
    held_out, fidelity = held_out_scenes(arguments.scenes, base.native_size), fidelity_of(condition)
    asked, file = fidelity.asked(held_out), folder / f"{condition}.jsonl"
    rows = finished(file)
    with file.open("a", encoding="utf-8") as lines:
        for scene in range(arguments.scenes):
            exact = folder / f"{condition}-{scene:04}.png"
            order = ["exact", *(levels if scene % 2 else reversed(levels))]
            for level in (each for each in order if (scene, each) not in rows):
                picture, times = drawn(base, prepared(base, held_out, asked, scene, level, condition))
                if level == "exact":
                    Image.fromarray(picture).save(exact)
                score = fidelity.score(fidelity.found([picture])[0], asked[scene].truth)
                near = psnr(picture, np.asarray(Image.open(exact)))
                rows[scene, level] = {"scene": scene, "level": level, **times, "score": score, "psnr": near}
                lines.write(json.dumps(rows[scene, level]) + "\n")
                lines.flush()
    return rows


def operations(base: BaseModel, condition: str, level: str) -> int:
    """Floating-point operations of a picture, text and decoding with it."""
    held_out = held_out_scenes(2, base.native_size)
    request = prepared(base, held_out, fidelity_of(condition).asked(held_out), 0, level, condition)
    with FlopCounterMode(display=False) as counter:
        drawn(base, request)
    return int(counter.get_total_flops())


def table(base: BaseModel, rows: dict[tuple[int, str], Row], arguments: argparse.Namespace, levels: list[str]) -> None:
    scenes = range(arguments.scenes)
    exact = operations(base, arguments.condition, "exact")

    def column(level: str, name: str) -> list[float]:
        return [rows[scene, level][name] for scene in scenes]

    print(f"{len(scenes)} scenes, {arguments.condition}; against exact: time, processor, operations; fidelity; PSNR")
    for level in ("exact", *levels):
        times = [
            statistics.median(a / b for a, b in zip(column("exact", name), column(level, name), strict=True))
            for name in ("seconds", "processor")
        ]
        less = exact / operations(base, arguments.condition, level)
        score = estimate_mean(column(level, "score"))
        change = estimate_relative(column(level, "score"), column("exact", "score"))
        print(
            f"{level:9} {times[0]:5.2f}x {times[1]:5.2f}x {less:5.2f}x   {score.mean:.4f}"
            f" ({change.mean:+.2%}, 95 % {change.low:+.2%} .. {change.high:+.2%})"
            f"   {statistics.mean(column(level, 'psnr')):.1f} dB",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, help="folder of what is measured")
    parser.add_argument("--scenes", type=int, default=512)
    parser.add_argument("--levels", default=",".join(level for level in LEVELS if level != "exact"))
    parser.add_argument("--condition", choices=tuple(BY_EXTRACTOR), default="canny")
    parser.add_argument("--threads", type=int, default=0, help="0: as many as torch takes")
    arguments = parser.parse_args()
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    logging.disable(logging.WARNING)
    warnings.simplefilter("ignore")
    arguments.out.mkdir(parents=True, exist_ok=True)
    base, levels = load_base("tiny"), arguments.levels.split(",")
    table(base, measure(base, arguments, levels), arguments, levels)


if __name__ == "__main__":
    main()
