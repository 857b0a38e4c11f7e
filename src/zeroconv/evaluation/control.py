"""How well pictures follow their condition: the condition is extracted again from what was drawn, and compared.

Five settings over the same held-out pictures, scenes of the embedded world or photographs, scored against each one's
own condition except where said otherwise:
  control       the ControlNet with the picture's condition, and its caption
  no control    the base alone with the caption: what the words carry by themselves
  empty prompt  the ControlNet with the condition, and no words: what the condition carries by itself
  shuffled      the pictures of `control` against the next one's condition: what chance gives among such pictures
  ceiling       the true picture through the autoencoder: what perfect control of this base would reach
What is drawn for one picture starts from the same noise in all of them, so that their differences are paired.
`no control` and `ceiling` need no ControlNet: several of one base share them (`Baseline`).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from PIL import Image

from zeroconv.base import BaseModel
from zeroconv.base.hashing import base_hash, weights_hash
from zeroconv.control import ControlNet
from zeroconv.evaluation.drawing import Controls, draw, settled
from zeroconv.evaluation.fidelity import fidelity_of
from zeroconv.evaluation.held_out import Picture, Progress, TruePictures, silent, through_autoencoder
from zeroconv.evaluation.judge import Judge
from zeroconv.evaluation.measured import Asked, Fidelity
from zeroconv.evaluation.report import INTERVAL, Measure, Report, Stopwatch
from zeroconv.evaluation.sampler import Sampler
from zeroconv.evaluation.sheet import Tile, contact_sheet
from zeroconv.evaluation.statistics import estimate_closed, estimate_difference, estimate_mean
from zeroconv.weights import Sidecar

SHEET_ROWS = 8
UNKNOWN = Sidecar()
MEANINGS = {
    "control": "ControlNet and caption",
    "no control": "caption alone",
    "empty prompt": "ControlNet without words",
    "shuffled": "pictures of `control` against another picture's condition: chance",
    "ceiling": "true pictures through the autoencoder",
}


WAY = "way from no control to ceiling"


@dataclass(frozen=True, eq=False)
class Baseline:
    """What a base does with the held-out pictures without a ControlNet, N drawn for each."""

    no_control: tuple[Picture, ...]
    ceiling: tuple[Picture, ...]


@dataclass(frozen=True)
class ControlEvaluation:
    """The figures and the pictures they are of."""

    report: Report
    sheet: Image.Image


def evaluate_control(
    base: BaseModel,
    controlnet: ControlNet,
    condition: str,
    held_out: TruePictures,
    sampler: Sampler,
    *,
    fidelity: Fidelity | None = None,
    judge: Judge | None = None,
    subject: Mapping[str, Any],
    sidecar: Sidecar = UNKNOWN,
    baseline: Baseline | None = None,
    progress: Progress = silent,
) -> ControlEvaluation:
    """Draw for every held-out picture in every setting and measure how well `condition` was followed.

    condition: canonical name, one of fidelity.MEASURED; the held-out pictures must be among those its measure selects.
    fidelity: how it is measured on `held_out`; None: as on scenes.
    judge: finds what no extractor does in scenes, as classes.
    subject: what is known of the networks, to be put into the report.
    sidecar: how the ControlNet wants its condition images, as `load_with_sidecar` gives it.
    baseline: of the same base, pictures and sampler, where it is at hand already.
    """
    sampler, fidelity, watch = settled(sampler, base), fidelity or fidelity_of(condition, judge), Stopwatch()
    before = base_hash(base)
    asked = fidelity.asked(held_out)
    controls = Controls(controlnet, condition, [a.image for a in asked], sidecar)
    with watch("draw"):
        pictures = _drawn(base, held_out, controls, sampler, progress)
        alone = baseline or draw_baseline(base, held_out, sampler, progress=progress)
        pictures |= {"no control": alone.no_control, "ceiling": alone.ceiling}
    with watch("score"):
        scores = _scores({name: fidelity.found(drawn) for name, drawn in pictures.items()}, asked, fidelity.score)
    hashes = {"base_weights": before, "base_weights_after": base_hash(base), "controlnet": weights_hash(controlnet)}
    report = Report(
        title=f"{condition}: {fidelity.metric}{', less is better' if fidelity.is_error else ''}",
        protocol=protocol_of(condition, fidelity, held_out, sampler, base, judge),
        subject={**subject, **hashes, "base_untouched": hashes["base_weights_after"] == before},
        measures=_measures(scores),
        rows=_rows(held_out, sampler, scores),
        seconds=watch.seconds,
    )
    return ControlEvaluation(report, _sheet(held_out, asked, pictures, scores))


def draw_baseline(
    base: BaseModel, held_out: TruePictures, sampler: Sampler, *, progress: Progress = silent
) -> Baseline:
    """Draw for every held-out picture from its caption alone, and pass it through the autoencoder."""
    return Baseline(
        draw(base, held_out.captions, settled(sampler, base), what="no control", progress=progress),
        through_autoencoder(base, held_out.pictures, progress=progress),
    )


def protocol_of(
    condition: str, fidelity: Fidelity, held_out: TruePictures, sampler: Sampler, base: BaseModel, judge: Judge | None
) -> dict[str, Any]:
    """How it is measured: everything the numbers depend on beside the networks; the sampler as settled for the base."""
    drawing = asdict(sampler)
    del drawing["batch"]  # moves pictures by rounding only
    return {
        "evaluation": "control",
        "condition": condition,
        "extractor": {**fidelity.extractor, "input": "8-bit RGB at the base's native size"},
        "judge": weights_hash(judge.network)[:16] if judge else None,
        "metric": fidelity.metric,
        "less_is_better": fidelity.is_error,
        "interval": INTERVAL,
        "shuffled": f"scored against the condition of the next {held_out.noun}",
        f"{held_out.noun}s": held_out.describe(),
        "size": base.native_size,
        "sampler": drawing,
        "dtype": str(base.dtype).removeprefix("torch."),
    }


def _drawn(
    base: BaseModel, held_out: TruePictures, controls: Controls, sampler: Sampler, progress: Progress
) -> dict[str, tuple[Picture, ...]]:
    captions, nothing = held_out.captions, [""] * len(held_out.captions)
    control = draw(base, captions, sampler, controls=controls, what="control", progress=progress)
    if not any(captions):
        return {"control": control, "empty prompt": control}
    empty = draw(base, nothing, sampler, controls=controls, what="empty prompt", progress=progress)
    return {"control": control, "empty prompt": empty}


def _scores(
    found: Mapping[str, Sequence[Any]], asked: Sequence[Asked], score: Callable[[Any, Any], float]
) -> dict[str, list[float]]:
    """One score a picture and setting, in the order of MEANINGS."""
    scores = {name: [score(f, a.truth) for f, a in zip(maps, asked, strict=True)] for name, maps in found.items()}
    others = (*asked[1:], asked[0])
    scores["shuffled"] = [score(f, a.truth) for f, a in zip(found["control"], others, strict=True)]
    return {name: scores[name] for name in MEANINGS}


def _measures(scores: Mapping[str, Sequence[float]]) -> tuple[Measure, ...]:
    means = [Measure(name, MEANINGS[name], estimate_mean(values)) for name, values in scores.items()]
    differences = [
        Measure(f"control - {other}", "paired difference", estimate_difference(scores["control"], scores[other]))
        for other in ("no control", "empty prompt", "shuffled")
    ]
    closed = estimate_closed(scores["control"], scores["no control"], scores["ceiling"])
    way = () if closed is None else (Measure(WAY, "share of it that control closes", closed),)
    return (*means, *differences, *way)


def _rows(
    held_out: TruePictures, sampler: Sampler, scores: Mapping[str, Sequence[float]]
) -> tuple[Mapping[str, Any], ...]:
    return tuple(
        {held_out.noun: name, "seed": sampler.seed + k, "caption": caption, **{key: scores[key][k] for key in scores}}
        for k, (name, caption) in enumerate(zip(held_out.names, held_out.captions, strict=True))
    )


def _sheet(
    held_out: TruePictures,
    asked: Sequence[Asked],
    pictures: Mapping[str, Sequence[Picture]],
    scores: Mapping[str, Sequence[float]],
) -> Image.Image:
    """The first pictures, one a row: truth, condition, then what was drawn with its score."""
    tiles = []
    for k, caption in enumerate(held_out.captions[:SHEET_ROWS]):
        tiles += [Tile(held_out.pictures[k], caption or str(held_out.names[k])), Tile(asked[k].image, "condition")]
        for name in ("control", "empty prompt", "no control"):
            tiles.append(Tile(pictures[name][k], f"{name}: {scores[name][k]:.2f}"))
    return contact_sheet(tiles, columns=5)
