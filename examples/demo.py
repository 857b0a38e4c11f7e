"""What `make demo` runs: the main job on a photograph, on a drawing and on a scene, with the base that ships.

Everything goes through the command line that everyone else uses; each line that is run is printed first.
"""

import json
import shlex
import sys
import time
from pathlib import Path

import matplotlib
from PIL import Image, ImageDraw

from zeroconv.cli import main

STEPS, PICTURES = "20", "4"


def demo(folder: Path) -> list[Path]:
    """Runs the three examples into `folder`; returns the sheets to look at."""
    folder.mkdir(parents=True, exist_ok=True)
    photo = Path(matplotlib.get_data_path()) / "sample_data" / "grace_hopper.jpg"
    generate(folder / "photo", f"canny={photo}", "a person in a black shirt and black trousers in front of a blue wall")
    draw(folder / "drawing.png")
    ready = f"canny={folder / 'drawing.png'},ready=yes"
    generate(folder / "drawing", ready, "a red house left of a green tree on a green meadow")
    scene, caption = make_scene(folder / "scenes")
    generate(folder / "scene", f"canny={scene}", caption)
    return [folder / name / "sheet.png" for name in ("photo", "drawing", "scene")]


def generate(out: Path, control: str, prompt: str) -> None:
    """Four pictures that follow the control."""
    settings = ["--steps", STEPS, "--seed", "1", "--num-images", PICTURES]
    run("generate", "--base", "tiny", "--control", control, "--prompt", prompt, *settings, "--out", str(out))


def draw(path: Path) -> None:
    """A house and a tree as white lines on black: a condition that is ready."""
    drawing = Image.new("RGB", (256, 256))
    pen = ImageDraw.Draw(drawing)
    pen.rectangle((40, 120, 140, 210), outline="white", width=2)
    pen.line((30, 120, 90, 60, 150, 120, 30, 120), fill="white", width=2)
    pen.rectangle((80, 165, 105, 210), outline="white", width=2)
    pen.ellipse((170, 80, 230, 150), outline="white", width=2)
    pen.rectangle((194, 150, 206, 210), outline="white", width=2)
    pen.line((0, 210, 255, 210), fill="white", width=2)
    drawing.save(path)


def make_scene(folder: Path) -> tuple[Path, str]:
    """One rendered scene and its caption."""
    run("scenes", "--count", "1", "--seed", "7", "--out", str(folder))
    about = json.loads((folder / "metadata.jsonl").read_text("utf-8").splitlines()[0])
    return folder / about["file_name"], about["text"]


def run(*arguments: str) -> None:
    """One command of zeroconv, as if typed; ends the demo where it fails."""
    print(f"\n$ zeroconv {shlex.join(arguments)}", flush=True)
    code = main(arguments)
    if code:
        sys.exit(code)


if __name__ == "__main__":
    began = time.perf_counter()
    sheets = demo(Path("demo"))
    print(f"\nDone in {time.perf_counter() - began:.0f} seconds. Look at:")
    for sheet in sheets:
        print(f"  {sheet.resolve()}")
