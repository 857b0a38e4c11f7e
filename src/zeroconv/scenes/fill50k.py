"""The fill50k tutorial set, generated offline with exact ground truth: filled circles, their outlines, colour names.

Source: the tutorial set of the ControlNet release (50,000 pairs at 512 pixels). The ranges below and the two drawing
calls were measured on 300 of its pairs: they reproduce 298 to the last pixel, and the other two show nothing, because
circle and background had drawn the same colour. That is the one thing left out here.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from matplotlib.colors import CSS4_COLORS
from numpy.typing import NDArray
from PIL import Image

from zeroconv.errors import UserError
from zeroconv.images import save_png
from zeroconv.scenes.dice import Dice
from zeroconv.scenes.folder import claim, refuse_to_shrink, write_lines

Picture = NDArray[np.uint8]

REFERENCE_SIZE = 512
CENTRES = (100, 412)
RADII = (64, 256)
OUTLINE_WIDTH = 3  # pixels at 512, as cv2.circle counts them
SMALLEST_SIZE = 32  # below, the smallest circle is hardly one

COLOUR_NAMES = tuple(
    """alice blue, antique white, aqua, aquamarine, azure, beige, bisque, black, blanched almond, blue, blue violet,
    brown, burly wood, cadet blue, chartreuse, chocolate, coral, cornflower blue, cornsilk, crimson, dark blue,
    dark cyan, dark golden rod, dark gray, dark green, dark khaki, dark magenta, dark olive green, dark orange,
    dark orchid, dark red, dark salmon, dark sea green, dark slate blue, dark slate gray, dark turquoise, dark violet,
    deep pink, deep sky blue, dim gray, dodger blue, fire brick, floral white, forest green, fuchsia, gainsboro,
    ghost white, gold, golden rod, gray, green, green yellow, honey dew, hot pink, indian red, indigo, ivory, khaki,
    lavender, lavender blush, lawn green, lemon chiffon, light blue, light coral, light cyan, light golden rod yellow,
    light gray, light green, light pink, light salmon, light sea green, light sky blue, light slate gray,
    light steel blue, light yellow, lime, lime green, linen, maroon, medium aqua marine, medium blue, medium orchid,
    medium purple, medium sea green, medium slate blue, medium spring green, medium turquoise, medium violet red,
    midnight blue, mint cream, misty rose, moccasin, navajo white, navy, old lace, olive, olive drab, orange,
    orange red, orchid, pale golden rod, pale green, pale turquoise, pale violet red, papaya whip, peach puff, peru,
    pink, plum, powder blue, purple, red, rosy brown, royal blue, saddle brown, salmon, sandy brown, sea green,
    sea shell, sienna, silver, sky blue, slate blue, slate gray, snow, spring green, steel blue, tan, teal, thistle,
    tomato, turquoise, violet, wheat, white, white smoke, yellow, yellow green""".replace("\n    ", " ").split(", ")
)
"""The 138 CSS colours of the set, spelt as its prompts spell them (aqua and fuchsia stand for cyan and magenta)."""


@dataclass(frozen=True)
class Circle:
    """One example's exact ground truth; x, y and radius in pixels of a picture `size` wide and high."""

    index: int
    size: int
    x: int
    y: int
    radius: int
    colour: str
    background: str

    @property
    def prompt(self) -> str:
        """For example "pale golden rod circle with old lace background"."""
        return f"{self.colour} circle with {self.background} background"


def rgb(colour: str) -> tuple[int, int, int]:
    """A colour name, with or without its spaces -> red, green, blue in 0..255."""
    code = str(CSS4_COLORS[colour.replace(" ", "")])
    return int(code[1:3], 16), int(code[3:5], 16), int(code[5:7], 16)


def sample_circle(seed: int, index: int, size: int = REFERENCE_SIZE) -> Circle:
    """Example `index` of the set `seed`: the same on every machine, and the same circle at every size."""
    if size < SMALLEST_SIZE:
        raise UserError(f"fill50k pictures need a size of at least {SMALLEST_SIZE} pixels; got {size}")
    dice = Dice(seed, index)
    x, y, radius = (round(int(dice.uniform(*span)) * size / REFERENCE_SIZE) for span in (CENTRES, CENTRES, RADII))
    colour = dice.choice(COLOUR_NAMES)
    background = dice.choice([name for name in COLOUR_NAMES if name != colour])
    return Circle(index, size, x, y, radius, colour, background)


def draw_outline(circle: Circle) -> Picture:
    """The condition, (size, size, 3) uint8: a white outline on black, no values between."""
    canvas = np.zeros((circle.size, circle.size, 3), np.uint8)
    width = max(1, round(OUTLINE_WIDTH * circle.size / REFERENCE_SIZE))
    cv2.circle(canvas, (circle.x, circle.y), circle.radius, (255, 255, 255), thickness=width)
    return canvas


def draw_filled(circle: Circle) -> Picture:
    """The target, (size, size, 3) uint8 RGB: the filled circle on its background, no colours between."""
    canvas = np.empty((circle.size, circle.size, 3), np.uint8)
    canvas[:] = rgb(circle.background)
    cv2.circle(canvas, (circle.x, circle.y), circle.radius, rgb(circle.colour), thickness=-1)
    return canvas


def export_fill50k(folder: Path, count: int, seed: int, size: int = REFERENCE_SIZE) -> Iterator[int]:
    """Write source/, target/, prompt.json (JSON lines, the original's layout) and truth.jsonl; yield how many are done.

    truth.jsonl holds the fields of `Circle` and both colours as RGB. Pictures already there are kept, and the two
    lists are written last: a folder with lists is complete. A folder that holds another set raises UserError.
    """
    circles = [sample_circle(seed, index, size) for index in range(count)]
    claim(folder, {"kind": "fill50k", "seed": seed, "size": size})
    refuse_to_shrink(folder, folder / "prompt.json", count)
    for circle in circles:
        for kind, draw in (("source", draw_outline), ("target", draw_filled)):
            path = folder / kind / f"{circle.index}.png"
            if not path.exists():
                path.parent.mkdir(parents=True, exist_ok=True)
                save_png(Image.fromarray(draw(circle)), path)
        yield circle.index + 1
    write_lines(folder / "prompt.json", (_prompt_row(circle) for circle in circles))
    write_lines(folder / "truth.jsonl", (_truth_row(circle) for circle in circles))


def _prompt_row(circle: Circle) -> dict[str, Any]:
    name = f"{circle.index}.png"
    return {"source": f"source/{name}", "target": f"target/{name}", "prompt": circle.prompt}


def _truth_row(circle: Circle) -> dict[str, Any]:
    colours = {"colour_rgb": rgb(circle.colour), "background_rgb": rgb(circle.background)}
    return {**asdict(circle), **colours}
