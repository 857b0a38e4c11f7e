"""Contact sheets of experiments: a row a scene, a column a way of drawing it."""

from collections.abc import Mapping, Sequence

from PIL import Image

from zeroconv.evaluation.held_out import Picture
from zeroconv.evaluation.sheet import Tile, contact_sheet

ROWS = 8


def side_by_side(captions: Sequence[str], columns: Mapping[str, Sequence[Picture]], rows: int = ROWS) -> Image.Image:
    """The first pictures of each column beside each other; the caption beneath the first, names beneath the others."""
    tiles = []
    for k, caption in enumerate(captions[:rows]):
        for place, (name, pictures) in enumerate(columns.items()):
            tiles.append(Tile(pictures[k], name if place else caption))
    return contact_sheet(tiles, columns=len(columns), lines=4)
