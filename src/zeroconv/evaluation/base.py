"""How good the base is by itself: what its autoencoder keeps, and whether backgrounds follow the caption.

H, W pixels.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from PIL import Image

from zeroconv import conditions
from zeroconv.base import BaseModel
from zeroconv.evaluation.backgrounds import backgrounds_right, walls_right
from zeroconv.evaluation.control import FIDELITIES
from zeroconv.evaluation.drawing import draw, settled
from zeroconv.evaluation.held_out import HeldOut, Picture, Progress, silent, through_autoencoder
from zeroconv.evaluation.report import INTERVAL, Measure, Report, Stopwatch, base_hash, captions_hash
from zeroconv.evaluation.sampler import Sampler
from zeroconv.evaluation.sheet import Tile, contact_sheet
from zeroconv.evaluation.statistics import estimate_mean

SHEET_PICTURES = 64
SHEET_COLUMNS = 8


@dataclass(frozen=True)
class BaseEvaluation:
    """The figures, and the first captions with what was drawn for them."""

    report: Report
    sheet: Image.Image


def psnr(picture: Picture, truth: Picture) -> float:
    """Peak signal-to-noise ratio in dB of two 8-bit pictures (H, W, 3); equal ones count as one wrong level in all."""
    squares = np.square(picture.astype(np.float64) - truth.astype(np.float64))
    return float(10 * np.log10(255**2 / max(squares.mean(), 1 / squares.size)))


def evaluate_base(
    base: BaseModel,
    held_out: HeldOut,
    sampler: Sampler,
    *,
    subject: Mapping[str, Any],
    progress: Progress = silent,
) -> BaseEvaluation:
    """Pass every held-out picture through the autoencoder, draw every caption once, and measure both.

    subject: what is known of the base, to be put into the report.
    """
    sampler, watch = settled(sampler, base), Stopwatch()
    with watch("autoencoder"):
        decoded = through_autoencoder(base, held_out.pictures, progress=progress)
    with watch("draw"):
        drawn = draw(base, held_out.captions, sampler, what="draw", progress=progress)
    with watch("score"):
        columns = {**_autoencoder_columns(held_out, decoded), **_background_columns(held_out, drawn)}
    report = Report(
        title=f"base {base.name}",
        protocol=_protocol(held_out, sampler, base),
        subject={**subject, "base_weights": base_hash(base)},
        measures=tuple(_measure(name, list(column.values())) for name, column in columns.items() if len(column) > 1),
        rows=_rows(held_out, sampler, columns),
        seconds=watch.seconds,
    )
    return BaseEvaluation(report, _sheet(held_out, drawn))


MEANINGS = {
    "autoencoder PSNR": "true pictures through the autoencoder, mean over pictures of 8-bit PSNR",
    "autoencoder edge F1": "their Canny edges against the originals', 1 px, one-to-one",
    "background right": "drawn; by the colours of the upper and lower border, captions that name the background",
    "background right, true": "the same rule on true pictures: how far it can be trusted",
    "wall right": "drawn; colour of the wall, indoor captions that name it",
    "wall right, true": "the same rule on true pictures",
}

Column = Mapping[int, float]  # scene -> value; scenes may be missing


def _autoencoder_columns(held_out: HeldOut, decoded: Sequence[Picture]) -> dict[str, Column]:
    fidelity = FIDELITIES["canny"]
    extract = conditions.create("canny", **fidelity.options)
    pairs = list(zip(decoded, held_out.pictures, strict=True))
    return {
        "autoencoder PSNR": {k: psnr(*pair) for k, pair in enumerate(pairs)},
        "autoencoder edge F1": {k: fidelity.score(extract(d), extract(t)) for k, (d, t) in enumerate(pairs)},
    }


def _background_columns(held_out: HeldOut, drawn: Sequence[Picture]) -> dict[str, Column]:
    answers = {
        "background right": backgrounds_right(held_out, drawn),
        "background right, true": backgrounds_right(held_out, held_out.pictures),
        "wall right": walls_right(held_out, drawn),
        "wall right, true": walls_right(held_out, held_out.pictures),
    }
    return {name: {k: float(is_right) for k, is_right in column.items()} for name, column in answers.items()}


def _measure(name: str, values: Sequence[float]) -> Measure:
    return Measure(name, MEANINGS[name], estimate_mean(values), unit="dB" if name.endswith("PSNR") else "")


def _protocol(held_out: HeldOut, sampler: Sampler, base: BaseModel) -> dict[str, Any]:
    drawing = asdict(sampler)
    del drawing["batch"], drawing["strength"]
    return {
        "evaluation": "base",
        "measures": MEANINGS,
        "extractor": {"condition": "canny", **FIDELITIES["canny"].options},
        "interval": INTERVAL,
        "scenes": {"seed": held_out.seed, "count": len(held_out.scenes), "captions": captions_hash(held_out.captions)},
        "size": base.native_size,
        "sampler": drawing,
        "dtype": str(base.dtype).removeprefix("torch."),
    }


def _rows(held_out: HeldOut, sampler: Sampler, columns: Mapping[str, Column]) -> tuple[Mapping[str, Any], ...]:
    return tuple(
        {
            "scene": k,
            "seed": sampler.seed + k,
            "background": scene.background.name,
            "caption": scene.caption,
            **{name: column.get(k, "") for name, column in columns.items()},
        }
        for k, scene in enumerate(held_out.scenes)
    )


def _sheet(held_out: HeldOut, drawn: Sequence[Picture]) -> Image.Image:
    """The first captions of the seed, none left out, with their pictures."""
    pairs = list(zip(drawn, held_out.captions, strict=True))[:SHEET_PICTURES]
    return contact_sheet([Tile(*pair) for pair in pairs], SHEET_COLUMNS)
