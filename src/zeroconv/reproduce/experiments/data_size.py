"""How much data control needs (arXiv 2302.05543, Fig. 10 and 22): the same training on more and more scenes."""

from itertools import pairwise

from zeroconv.evaluation.statistics import Estimate, estimate_closed, estimate_difference, estimate_mean
from zeroconv.reproduce.bench import Bench, images, scores
from zeroconv.reproduce.experiment import Experiment
from zeroconv.reproduce.finding import Finding, Table, Verdict, shown
from zeroconv.reproduce.sheets import side_by_side
from zeroconv.reproduce.trainings import HELD_OUT, SAMPLES, SCENES, Training, trained

CONDITION = "canny"
SIZES = (100, 1000, 5000, SCENES - HELD_OUT)
"""With as many samples as a training sees, no scene of the largest set comes twice: 100,000 would be the same."""
ENOUGH = 0.5


def run(bench: Bench) -> Finding:
    """Train on each number of scenes, and measure fidelity and quality on held-out ones."""
    fidelity, held_out = bench.world.fidelity(CONDITION), bench.world.held_out(bench.count)
    asked = fidelity.asked(held_out)
    alone = bench.draw(held_out.captions, what="no control")
    drawn = {"no control": alone}
    for size in SIZES:
        name = f"{CONDITION}-full-0" if size == SIZES[-1] else f"{CONDITION}-of-{size}"
        training = Training(name, CONDITION, scenes=size + HELD_OUT)
        controls = bench.controls_of(trained(bench, training).folder.controlnet, CONDITION, asked)
        drawn[f"{size:,} scenes"] = bench.draw(held_out.captions, controls, what=f"{size} scenes")
    found = {name: scores(fidelity, pictures, asked) for name, pictures in drawn.items()}
    largest = found[f"{SIZES[-1]:,} scenes"]
    ways = {name: estimate_closed(values, found["no control"], largest) for name, values in found.items()}
    rows = {
        name: (estimate_mean(values), bench.world.quality(drawn[name]), ways[name] or "")
        for name, values in found.items()
    }
    columns = (fidelity.metric, f"{bench.world.quality_name}, less is better", "of the largest set's effect")
    sheet = side_by_side(held_out.captions, {"scene": held_out.pictures, CONDITION: images(asked), **drawn})
    gaps = [estimate_difference(found[f"{more:,} scenes"], found[f"{less:,} scenes"]) for less, more in pairwise(SIZES)]
    gain = estimate_difference(largest, found[f"{SIZES[0]:,} scenes"])
    verdict, words = judge(ways[f"{SIZES[1]:,} scenes"], gaps, gain)
    return Finding(
        verdict,
        words,
        (Table("size of the training set", columns, rows),),
        bench.protocol(held_out, sizes=SIZES, recipe=dict(Training("", CONDITION).settings)),
        {"data-size.jpg": sheet},
    )


def judge(thousand: Estimate | None, gaps: list[Estimate], gain: Estimate) -> tuple[Verdict, str]:
    """The rule, of the share that a thousand scenes reach, and of what each larger set has over the one before.

    gain: what the largest has over the smallest, which is told beside it.
    """
    if thousand is None:
        return Verdict.OPEN, "Not even the largest set gives control."
    told = ", ".join(shown(gap, "+.3f") for gap in gaps)
    words = (
        f"{SIZES[1]:,} scenes reach {shown(thousand, '.2f')} of what "
        f"{SIZES[-1]:,} give; from size to size the score changes by {told}. "
    )
    if gain.low > 0:
        words += f"The largest set is better than {SIZES[0]} scenes by {shown(gain, '+.3f')}."
    else:
        words += f"That more data make control better is not seen: {shown(gain, '+.3f')} over {SIZES[0]} scenes."
    if thousand.low <= ENOUGH:
        return Verdict.FAILS, words
    return (Verdict.HOLDS if all(gap.high > 0 for gap in gaps) else Verdict.IN_PART), words


EXPERIMENT = Experiment(
    name="data-size",
    title="Size of the training set",
    where="Fig. 10, Fig. 22",
    claim="Training does not collapse with 1,000 pictures, and more data make control better.",
    papers_number="shown in pictures, of 1k, 50k and 3m",
    rule="holds where 1,000 scenes reach more than half of the effect of the largest set (95 % interval above 0.5) and "
    "no larger set is surely worse than the one before; in part where one is",
    run=run,
    pictures=lambda count: (1 + len(SIZES)) * count,
    samples=len(SIZES) * SAMPLES,
    trains_on=(CONDITION,),
    needs_world="the trainings are on scenes",
)
