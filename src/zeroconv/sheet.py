"""A sheet of pictures side by side, each with a small label: input, condition, results."""

from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageFont

_MARGIN = 8
_LABEL = 20
_COLUMNS = 8
_SMALLEST = 192
"""Pictures with a shorter side are enlarged to it, so that labels fit and details can be seen."""


def sheet(pictures: Sequence[tuple[str, Image.Image]], columns: int = _COLUMNS) -> Image.Image:
    """Label and picture pairs -> one picture; all are shown at the size of the last, in rows of `columns`."""
    width, height = _cell(pictures[-1][1].size)
    columns = min(columns, len(pictures))
    rows = -(-len(pictures) // columns)
    across, down = width + _MARGIN, height + _LABEL + _MARGIN
    canvas = Image.new("RGB", (columns * across + _MARGIN, rows * down + _MARGIN), "white")
    draw, font = ImageDraw.Draw(canvas), ImageFont.load_default(12)
    for position, (label, picture) in enumerate(pictures):
        left, top = _MARGIN + position % columns * across, _MARGIN + position // columns * down
        draw.text((left, top), _shortened(label, font, width), fill="black", font=font)
        canvas.paste(picture.convert("RGB").resize((width, height), Image.Resampling.LANCZOS), (left, top + _LABEL))
    return canvas


def _cell(size: tuple[int, int]) -> tuple[int, int]:
    scale = max(1.0, _SMALLEST / min(size))
    return round(size[0] * scale), round(size[1] * scale)


def _shortened(label: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width: int) -> str:
    """The label, cut with an ellipsis where it is wider than its picture."""
    if font.getlength(label) <= width:
        return label
    while label and font.getlength(label + "...") > width:
        label = label[:-1]
    return label + "..."
