"""Four prompts under one condition (arXiv 2302.05543, Fig. 7 and the columns of Fig. 8): is the condition enough?"""

from zeroconv.evaluation.statistics import Estimate, estimate_closed, estimate_mean
from zeroconv.reproduce.bench import Bench, images, scores
from zeroconv.reproduce.experiment import Experiment
from zeroconv.reproduce.finding import Finding, Table, Verdict, shown
from zeroconv.reproduce.prompt_settings import INSUFFICIENT, NONE, PERFECT, WRONG, prompt_settings
from zeroconv.reproduce.sheets import side_by_side

CONDITIONS = ("canny", "depth", "segmentation")
HALF = 0.5


def run(bench: Bench) -> Finding:
    """Draw scenes of one object under each condition with each prompt, and see whether the object is there."""
    material = bench.material(*CONDITIONS, single=True)
    held_out = material.held_out
    prompts = prompt_settings(bench.ground, held_out)
    empty = bench.draw(prompts[NONE], what="no prompt, no control")
    chance = bench.ground.recognised(empty, held_out.captions)
    tables, sheets, ways = [], {}, {}
    for condition in CONDITIONS:
        fidelity, asked = material.fidelity[condition], material.asked[condition]
        controls = bench.controls(condition, asked)
        drawn = {name: bench.draw(p, controls, what=f"{condition}, {name}") for name, p in prompts.items()}
        seen = {name: bench.ground.recognised(pictures, held_out.captions) for name, pictures in drawn.items()}
        ways[condition] = estimate_closed(seen[NONE], chance, seen[PERFECT])
        rows = {
            name: (estimate_mean(scores(fidelity, pictures, asked)), estimate_mean(seen[name]))
            for name, pictures in drawn.items()
        }
        rows["no prompt, no control"] = (estimate_mean(scores(fidelity, empty, asked)), estimate_mean(chance))
        columns = (
            fidelity.metric + (", less is better" if fidelity.is_error else ""),
            bench.ground.recognised_name,
        )
        tables.append(Table(f"prompts under {condition}", columns, rows))
        columns_shown = {"scene": held_out.pictures, condition: images(asked), **drawn}
        sheets[f"{condition}.jpg"] = side_by_side(held_out.captions, columns_shown)
    verdict, words = judge(ways)
    protocol = bench.protocol(held_out, *CONDITIONS, prompts=prompts[WRONG], insufficient=INSUFFICIENT)
    return Finding(verdict, words, tuple(tables), protocol, sheets)


def judge(ways: dict[str, Estimate | None]) -> tuple[Verdict, str]:
    """The rule, of how far without words the way goes from no control to the true caption, condition by condition."""
    told = ", ".join(f"{name} {shown(way, '.2f')}" for name, way in ways.items())
    clear = [way is not None and way.low > HALF for way in ways.values()]
    verdict = Verdict.HOLDS if all(clear) else Verdict.IN_PART if any(clear) else Verdict.FAILS
    return (
        verdict,
        f"Without words the object shown by the condition is drawn, as a share of the true caption's: {told}.",
    )


EXPERIMENT = Experiment(
    name="prompts",
    title="Control with no, vague, wrong and right words",
    where="Fig. 7, Fig. 8",
    claim="Without a prompt the content of the condition is recognised; vague or wrong words do not break the control.",
    papers_number="shown in pictures",
    rule="holds where, without words, more than half of the way is gone from the uncontrolled base to the true caption "
    "in objects seen, whatever their colour (95 % interval above 0.5), for canny, depth and segmentation alike; in "
    "part where for some",
    run=run,
    pictures=lambda count: (1 + 4 * len(CONDITIONS)) * count,
)
