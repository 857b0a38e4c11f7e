"""Guidance resolution weighting (arXiv 2302.05543, section 3.4 and Fig. 5): without words, by the condition alone.

Where both halves of the guidance are controlled they are equal, and guidance does nothing; where only the conditional
half is, guidance drives the condition very hard; weights that are smaller in shallow layers are the paper's middle way.
"""

import numpy as np

from zeroconv.evaluation.held_out import Picture
from zeroconv.evaluation.statistics import Estimate, estimate_mean
from zeroconv.reproduce.bench import Bench, images, scores
from zeroconv.reproduce.experiment import Experiment
from zeroconv.reproduce.finding import Cell, Finding, Table, Verdict, shown
from zeroconv.reproduce.sheets import side_by_side
from zeroconv.sampling.layer_weights import SCHEDULES

CONDITION = "canny"
BOTH, ONE = "both halves", "conditional half, flat"


def run(bench: Bench) -> Finding:
    """Draw scenes from their condition without words in each way."""
    material = bench.material(CONDITION)
    fidelity, held_out, asked = material.fidelity[CONDITION], material.held_out, material.asked[CONDITION]
    nothing = [""] * len(asked)
    ways = {BOTH: bench.controls(CONDITION, asked)}
    for schedule in SCHEDULES:
        name = ONE if schedule == "flat" else f"conditional half, {schedule}"
        ways[name] = bench.controls(CONDITION, asked, weights=schedule, conditional_only=True)
    drawn = {name: bench.draw(nothing, controls, what=name) for name, controls in ways.items()}
    quality = {name: bench.ground.quality(pictures) for name, pictures in drawn.items()}
    rows: dict[str, tuple[Cell, ...]] = {
        name: (
            estimate_mean(scores(fidelity, pictures, asked)),
            estimate_mean(bench.ground.alignment(pictures, held_out.captions)),
            quality[name],
            estimate_mean([contrast(picture) for picture in pictures]),
        )
        for name, pictures in drawn.items()
    }
    columns = (fidelity.metric, bench.ground.alignment_name, f"{bench.ground.quality_name}, less is better", "contrast")
    true = estimate_mean([contrast(picture) for picture in held_out.pictures])
    rows["true pictures"] = ("", "", "", true)
    sheet = side_by_side(held_out.captions, {"scene": held_out.pictures, CONDITION: images(asked), **drawn})
    verdict, words = judge(quality)
    return Finding(
        verdict,
        words,
        (Table("guidance resolution weighting", columns, rows),),
        bench.protocol(held_out, CONDITION),
        {"resolution-weighting.jpg": sheet},
    )


def contrast(picture: Picture) -> float:
    """Standard deviation of the grey levels, 0 to about 0.5: what burnt pictures have too much of."""
    return float(np.std(picture.astype(np.float64).mean(2) / 255))


def judge(quality: dict[str, Estimate]) -> tuple[Verdict, str]:
    """The rule, of the distance to true pictures in each way."""
    weighted = {name: e for name, e in quality.items() if name not in (BOTH, ONE)}
    best = min(weighted, key=lambda name: weighted[name].mean)
    found, both, one = weighted[best], quality[BOTH], quality[ONE]
    words = (
        f"Nearest to true pictures of the weighted ways: {best}, {shown(found)}; {BOTH} {shown(both)}, {ONE} "
        f"{shown(one)}."
    )
    if found.mean < min(both.mean, one.mean):
        return (Verdict.HOLDS if found.high < min(both.low, one.low) else Verdict.IN_PART), words
    return Verdict.FAILS, words


EXPERIMENT = Experiment(
    name="resolution-weighting",
    title="Guidance resolution weighting",
    where="section 3.4, Fig. 5",
    claim="Without words, control of both halves removes the guidance and control of one half alone makes it too "
    "strong; weights by resolution give better pictures than either.",
    papers_number="shown in pictures",
    rule="holds where the best weighted way is nearer to true pictures than both others, with 95 % intervals apart; in "
    "part where it is nearer, but the intervals overlap",
    run=run,
    pictures=lambda count: (1 + len(SCHEDULES)) * count,
)
