"""How good the base is by itself: what its autoencoder keeps, and whether pictures show what the caption says.

H, W pixels.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from PIL import Image

from zeroconv.base import BaseModel
from zeroconv.base.hashing import base_hash, weights_hash
from zeroconv.evaluation import line_fidelity, objects
from zeroconv.evaluation.backgrounds import backgrounds_right, walls_right
from zeroconv.evaluation.drawing import draw, settled
from zeroconv.evaluation.frechet import estimate_frechet
from zeroconv.evaluation.held_out import (
    EVALUATION_SEED,
    HeldOut,
    Picture,
    Progress,
    held_out_scenes,
    silent,
    through_autoencoder,
)
from zeroconv.evaluation.judge import Judge
from zeroconv.evaluation.objects import object_parts
from zeroconv.evaluation.part import Column, Part
from zeroconv.evaluation.report import (
    INTERVAL,
    Measure,
    Report,
    Stopwatch,
)
from zeroconv.evaluation.sampler import Sampler
from zeroconv.evaluation.sheet import Tile, contact_sheet

SHEET_PICTURES = 64
SHEET_COLUMNS = 8
COMPARED_SEEDS = (EVALUATION_SEED + 1, EVALUATION_SEED + 2)
FRECHET = "Frechet distance"


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
    judge: Judge | None = None,
    compared: int = 0,
    progress: Progress = silent,
) -> BaseEvaluation:
    """Pass every held-out picture through the autoencoder, draw every caption once, and measure both.

    subject: what is known of the base, to be put into the report. judge: reads the pictures drawn for captions with one
    and with two objects and for the empty prompt, as many of each as there are held-out scenes; without it these
    figures are left out. compared: so many pictures a side for the Frechet distance; 0 leaves it out.
    """
    sampler, watch = settled(sampler, base), Stopwatch()
    with watch("autoencoder"):
        decoded = through_autoencoder(base, held_out.pictures, progress=progress)
    with watch("draw"):
        drawn = draw(base, held_out.captions, sampler, what="draw", progress=progress)
    with watch("score"):
        columns = {**_autoencoder_columns(held_out, decoded), **_background_columns(held_out, drawn)}
    parts = [Part("scenes", held_out.captions, columns, MEANINGS)]
    if judge is not None:
        with watch("objects"):
            parts += object_parts(base, judge, len(held_out.scenes), sampler, progress)
    if judge is not None and compared:
        with watch("Frechet distance"):
            parts.append(_compared_part(base, judge, compared, sampler, progress))
    names = [name for part in parts for name in part.columns]
    report = Report(
        title=f"base {base.name}",
        protocol=_protocol(held_out, sampler, base, judge, compared),
        subject={**subject, "base_weights": base_hash(base)},
        measures=tuple(measure for part in parts for measure in part.measures()),
        rows=tuple(row for part in parts for row in part.rows(sampler.seed, names)),
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


def _autoencoder_columns(held_out: HeldOut, decoded: Sequence[Picture]) -> dict[str, Column]:
    fidelity = line_fidelity.canny()
    edges = zip(fidelity.found(decoded), fidelity.asked(held_out), strict=True)
    pairs = zip(decoded, held_out.pictures, strict=True)
    return {
        "autoencoder PSNR": {k: psnr(*pair) for k, pair in enumerate(pairs)},
        "autoencoder edge F1": {k: fidelity.score(found, asked.truth) for k, (found, asked) in enumerate(edges)},
    }


def _background_columns(held_out: HeldOut, drawn: Sequence[Picture]) -> dict[str, Column]:
    answers = {
        "background right": backgrounds_right(held_out, drawn),
        "background right, true": backgrounds_right(held_out, held_out.pictures),
        "wall right": walls_right(held_out, drawn),
        "wall right, true": walls_right(held_out, held_out.pictures),
    }
    return {name: {k: float(is_right) for k, is_right in column.items()} for name, column in answers.items()}


def _compared_part(base: BaseModel, judge: Judge, count: int, sampler: Sampler, progress: Progress) -> Part:
    """As many drawn as rendered pictures, and as many rendered ones of other scenes, as features."""
    first, second = (held_out_scenes(count, base.native_size, seed=seed, progress=progress) for seed in COMPARED_SEEDS)
    drawn = draw(base, first.captions, sampler, what="draw to compare", progress=progress)
    features, true, other = (judge.features(pictures) for pictures in (drawn, second.pictures, first.pictures))
    measures = (
        Measure(FRECHET, "drawn against rendered pictures of other scenes", estimate_frechet(features, true)),
        Measure(f"{FRECHET}, true", "rendered pictures of the same captions instead", estimate_frechet(other, true)),
    )
    return Part("compared", first.captions, {}, {}, measures)


def _protocol(
    held_out: HeldOut, sampler: Sampler, base: BaseModel, judge: Judge | None, compared: int
) -> dict[str, Any]:
    drawing = asdict(sampler)
    del drawing["batch"], drawing["strength"]
    return {
        "evaluation": "base",
        "measures": {**MEANINGS, **(objects.MEANINGS if judge else {})},
        "judge": weights_hash(judge.network)[:16] if judge else None,
        "compared": {"count": compared, "seeds": COMPARED_SEEDS} if judge and compared else None,
        "extractor": {"condition": "canny", **line_fidelity.CANNY},
        "interval": INTERVAL,
        "scenes": held_out.describe(),
        "size": base.native_size,
        "sampler": drawing,
        "dtype": str(base.dtype).removeprefix("torch."),
    }


def _sheet(held_out: HeldOut, drawn: Sequence[Picture]) -> Image.Image:
    """The first captions of the seed, none left out, with their pictures."""
    pairs = list(zip(drawn, held_out.captions, strict=True))[:SHEET_PICTURES]
    return contact_sheet([Tile(*pair) for pair in pairs], SHEET_COLUMNS)
