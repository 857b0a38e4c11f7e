"""ControlNets on a fine-tuned base (arXiv 2302.05543, Fig. 12): applied as they are, without training again."""

from typing import Any, cast

from zeroconv.comparisons.fine_tuned import FineTuned
from zeroconv.evaluation.held_out import through_autoencoder
from zeroconv.evaluation.statistics import Estimate, estimate_closed, estimate_mean
from zeroconv.reproduce.bench import Bench, images, scores
from zeroconv.reproduce.duotone import distance, duotone, write_pictures
from zeroconv.reproduce.experiment import Experiment
from zeroconv.reproduce.finding import Finding, Table, Verdict, shown
from zeroconv.reproduce.rivals import learnt
from zeroconv.reproduce.sheets import side_by_side

CONDITION = "canny"
PICTURES, STEPS, BATCH, RATE = 1500, 400, 12, 2e-4
"""What the look is learnt from, and for how long."""
KEPT, STYLED = 0.8, 1.5


def run(bench: Bench) -> Finding:
    """Teach a copy of the base another look, and draw with it under the ControlNet of the base as it was."""
    folder = bench.out / "trainings" / "duotone-pictures"
    write_pictures(folder, PICTURES, bench.base.native_size)
    changes: dict[str, Any] = {"steps": STEPS, "batch_size": BATCH, "learning_rate": RATE}
    system = learnt(bench, "base-duotone", CONDITION, FineTuned, pictures=folder, held_out=0, **changes)
    tuned = cast(FineTuned, system.rival).model
    fidelity, held_out = bench.world.fidelity(CONDITION), bench.world.held_out(bench.count)
    asked = fidelity.asked(held_out)
    controls = bench.controls(CONDITION, asked)
    drawn = {
        "the base": bench.draw(held_out.captions, what="base"),
        "the base, controlled": bench.draw(held_out.captions, controls, what="base, controlled"),
        "fine-tuned": bench.draw(held_out.captions, what="fine-tuned", base=tuned),
        "fine-tuned, controlled": bench.draw(held_out.captions, controls, what="fine-tuned, controlled", base=tuned),
        "true pictures": through_autoencoder(bench.base, held_out.pictures),
        "true pictures in the look": through_autoencoder(bench.base, [duotone(p) for p in held_out.pictures]),
    }
    found = {name: scores(fidelity, pictures, asked) for name, pictures in drawn.items()}
    looks = {name: estimate_mean([distance(picture) for picture in pictures]) for name, pictures in drawn.items()}
    before = estimate_closed(found["the base, controlled"], found["the base"], found["true pictures"])
    after = estimate_closed(found["fine-tuned, controlled"], found["fine-tuned"], found["true pictures in the look"])
    verdict, words = judge(before, after, looks)
    rows = {name: (estimate_mean(values), looks[name]) for name, values in found.items()}
    columns = (fidelity.metric, "distance from the look, 0 to 255: less is nearer")
    sheet = side_by_side(held_out.captions, {"scene": held_out.pictures, CONDITION: images(asked), **drawn})
    protocol = bench.protocol(held_out, CONDITION, taught=PICTURES, steps=STEPS, batch=BATCH, rate=RATE)
    return Finding(verdict, words, (Table("a fine-tuned base", columns, rows),), protocol, {"transfer.jpg": sheet})


def judge(before: Estimate | None, after: Estimate | None, looks: dict[str, Estimate]) -> tuple[Verdict, str]:
    """The rule, of the share of the way to true pictures that control goes on either base, and of the looks."""
    alone, controlled = looks["fine-tuned"], looks["fine-tuned, controlled"]
    words = (
        f"Of the way from no control to true pictures the unchanged ControlNet goes {shown(after, '.2f')} on the "
        f"fine-tuned base, on its own {shown(before, '.2f')}; the distance from the look is "
        f"{shown(controlled, '.1f')} with and {shown(alone, '.1f')} without control, {shown(looks['the base'], '.1f')} "
        "on the base before."
    )
    if alone.high >= looks["the base"].low:
        return Verdict.OPEN, f"The base has not learnt the look. {words}"
    if before is None or after is None:
        return Verdict.OPEN, words
    are_met = (after.mean >= KEPT * before.mean, controlled.mean <= STYLED * alone.mean)
    return (Verdict.HOLDS if all(are_met) else Verdict.IN_PART if any(are_met) else Verdict.FAILS), words


EXPERIMENT = Experiment(
    name="transfer",
    title="Transfer to a fine-tuned base",
    where="Fig. 12",
    claim="Trained ControlNets are applied to custom models, fine-tuned from the same base, without training again.",
    papers_number="shown in pictures",
    rule="holds where, on a base fine-tuned to another look, the unchanged ControlNet goes 80 % or more as far towards "
    "true pictures as on its own base, and pictures are at most one and a half times as far from the look as without "
    "control; in part where one of these is met",
    run=run,
    pictures=lambda count: 4 * count,
    samples=STEPS * BATCH,
    needs_world="the look is learnt from scenes",
)
