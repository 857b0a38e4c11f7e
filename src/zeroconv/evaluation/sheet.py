"""Contact sheets: many pictures on one, each with a line or two of text beneath.

H, W pixels of a picture.
"""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from zeroconv.evaluation.held_out import Picture
from zeroconv.images import atomic_write

GAP = 6  # pixels between pictures
FONT_SIZE = 10
LINE_HEIGHT = 12
CHARACTER_WIDTH = 5.2  # pixels, of Pillow's own font at that size, on average
INK, PAPER = (20, 20, 20), (250, 250, 250)


@dataclass(frozen=True)
class Tile:
    """One picture (H, W, 3) and what is written beneath it."""

    picture: Picture
    text: str


def save_sheet(sheet: Image.Image, path: Path) -> None:
    """Write a sheet whole or not at all: .jpg and .jpeg in few bytes, else PNG."""
    is_jpeg = path.suffix.lower() in (".jpg", ".jpeg")
    with atomic_write(path) as temporary:
        sheet.save(temporary, "JPEG" if is_jpeg else "PNG", quality=80)


def contact_sheet(tiles: Sequence[Tile], columns: int, *, lines: int = 6) -> Image.Image:
    """Pictures of one size in reading order, `columns` in a row, at most `lines` lines of text beneath each."""
    height, width = tiles[0].picture.shape[:2]
    across, down = width + GAP, height + lines * LINE_HEIGHT + GAP
    rows = -(-len(tiles) // columns)
    sheet = Image.new("RGB", (columns * across + GAP, rows * down + GAP), PAPER)
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(FONT_SIZE)
    for number, tile in enumerate(tiles):
        x, y = GAP + number % columns * across, GAP + number // columns * down
        sheet.paste(Image.fromarray(tile.picture), (x, y))
        pen.multiline_text((x, y + height + 1), _wrapped(tile.text, width, lines), INK, font, spacing=1)
    return sheet


def _wrapped(text: str, width: int, lines: int) -> str:
    """The text in at most `lines` lines that fit `width` pixels; what does not fit ends in an ellipsis."""
    characters = max(int(width / CHARACTER_WIDTH), 1)
    return "\n".join(textwrap.wrap(text, characters, max_lines=lines, placeholder=" ..."))
