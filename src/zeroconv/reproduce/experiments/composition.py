"""Two conditions at once (arXiv 2302.05543, Fig. 6): their ControlNets' outputs are added, nothing is weighted."""

from collections.abc import Mapping

from zeroconv.evaluation.statistics import Estimate, estimate_closed, estimate_mean
from zeroconv.reproduce.bench import Bench, images, scores
from zeroconv.reproduce.experiment import Experiment
from zeroconv.reproduce.finding import Finding, Table, Verdict, shown
from zeroconv.reproduce.sheets import side_by_side

PAIR = ("pose", "depth")
"""Those of the figure."""
KEPT = 0.9


def run(bench: Bench) -> Finding:
    """Draw scenes with a person under each condition alone, under both, and under both at half strength."""
    material = bench.material(*PAIR)
    held_out, asked, fidelities = material.held_out, material.asked, material.fidelity
    alone = {condition: bench.controls(condition, asked[condition]) for condition in PAIR}
    halved = [bench.controls(condition, asked[condition], share=0.5) for condition in PAIR]
    drawn = {
        "neither": bench.draw(held_out.captions, what="neither"),
        **{f"{c} alone": bench.draw(held_out.captions, alone[c], what=f"{c} alone") for c in PAIR},
        "both, added": bench.draw(held_out.captions, list(alone.values()), what="both"),
        "both, each by a half": bench.draw(held_out.captions, halved, what="both by a half"),
    }
    found = {name: {c: scores(fidelities[c], pictures, asked[c]) for c in PAIR} for name, pictures in drawn.items()}
    kept = {c: estimate_closed(found["both, added"][c], found["neither"][c], found[f"{c} alone"][c]) for c in PAIR}
    columns = tuple(f"{c}: {f.metric}{', less is better' if f.is_error else ''}" for c, f in fidelities.items())
    rows = {name: tuple(estimate_mean(values[c]) for c in PAIR) for name, values in found.items()}
    conditions = {condition: images(one) for condition, one in asked.items()}
    sheet = side_by_side(held_out.captions, {"scene": held_out.pictures, **conditions, **drawn})
    verdict, words = judge(kept)
    table = Table("two conditions composed", columns, rows)
    return Finding(verdict, words, (table,), bench.protocol(held_out, *PAIR), {"composition.jpg": sheet})


def judge(kept: Mapping[str, Estimate | None]) -> tuple[Verdict, str]:
    """The rule, of which share of each condition's own effect is left when the other is added."""
    told = ", ".join(f"{name} {shown(e, '.2f')}" for name, e in kept.items())
    words = f"Added up without weights, each keeps this share of what it does alone: {told}."
    known = [e for e in kept.values() if e is not None]
    if len(known) < len(kept):
        return Verdict.OPEN, words
    if all(e.mean >= KEPT for e in known):
        return Verdict.HOLDS, words
    return (Verdict.IN_PART if any(e.mean >= KEPT for e in known) else Verdict.FAILS), words


EXPERIMENT = Experiment(
    name="composition",
    title="Two conditions composed",
    where="Fig. 6",
    claim="Several conditions are composed by adding the outputs of their ControlNets; no weighting or interpolation "
    "is needed.",
    papers_number="shown in pictures",
    rule="holds where, under pose and depth added, each keeps 90 % or more of what it does alone, between no control "
    "and its own; in part where one of them does",
    run=run,
    pictures=lambda count: 5 * count,
)
