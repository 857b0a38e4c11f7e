"""The ablations (arXiv 2302.05543, Fig. 8, and rows of Tables 1 and 3): what is left without copy or zeros.

ControlNet, its variants and fine-tuning of the base without a lock, all by the same recipe on the same samples: equal
data, and as many samples seen. Middle only, modulation and both kinds of fine-tuning are not among the paper's figures.
"""

from zeroconv.evaluation.statistics import Estimate, estimate_difference
from zeroconv.reproduce.bench import Bench, images
from zeroconv.reproduce.experiment import Experiment
from zeroconv.reproduce.experiments.ablated_systems import (
    CONDITION,
    FULL,
    GAUSSIAN,
    LITE,
    STEPS,
    SYSTEMS,
    Scale,
    Unlocked,
)
from zeroconv.reproduce.experiments.ablation_measures import Study, compared, damage, measured, seen, spread
from zeroconv.reproduce.finding import Finding, Verdict, shown
from zeroconv.reproduce.prompt_settings import INSUFFICIENT, NONE, PERFECT, WRONG, prompt_settings
from zeroconv.reproduce.sheets import side_by_side
from zeroconv.reproduce.trainings import RECIPE, Training

SEEDS = 3
PROMPTS = 4


def run(bench: Bench, scale: Scale | None = None) -> Finding:
    """Train every system with each seed, and draw scenes of one object with each prompt."""
    scale = scale or Scale(SEEDS)
    held_out, fidelity = bench.world.single_objects(bench.count), bench.world.fidelity(CONDITION)
    asked, prompts = fidelity.asked(held_out), prompt_settings(bench.world, held_out)
    uncontrolled = bench.draw(held_out.captions, what="no control")
    study = Study(bench, scale, held_out, fidelity, asked, prompts, uncontrolled)
    base = seen(study, [uncontrolled])
    found = {system.name: measured(study, system) for system in SYSTEMS}
    full, lite, gaussian = (found[system.name].trained[NONE].fidelity_by_picture for system in (FULL, LITE, GAUSSIAN))
    verdict, words = judge(
        estimate_difference(full, lite),
        estimate_difference(full, gaussian),
        found[GAUSSIAN.name].begun.quality,
        base.quality,
    )
    as_base = [name for name, one in found.items() if one.begins_as_base]
    words += f" Before their first step draw the base's very pictures: {', '.join(as_base) or 'none'}."
    conditions = {"scene": held_out.pictures, CONDITION: images(asked)}
    return Finding(
        verdict,
        words,
        (compared(study, found, base), spread(study, found), damage(study, found, base)),
        bench.protocol(
            held_out,
            seeds=scale.seeds,
            scenes=scale.scenes,
            systems=[system.key for system in SYSTEMS],
            recipe=dict(Training("", CONDITION, changes=scale.changes).settings),
            prompts=list(prompts[WRONG]),
            insufficient=INSUFFICIENT,
        ),
        {
            f"prompt-{name}.jpg": side_by_side(
                held_out.captions, conditions | {system: one.shown[name] for system, one in found.items()}
            )
            for name in (NONE, PERFECT)
        },
    )


def judge(
    over_lite: Estimate, over_gaussian: Estimate, gaussian_start: Estimate, base: Estimate
) -> tuple[Verdict, str]:
    """The rule, of the full ControlNet's fidelity without words over two others', and of two distances to true ones."""
    words = (
        f"Without words the full ControlNet follows the condition better than lite by {shown(over_lite, '+.3f')} and "
        f"than Gaussian joints by {shown(over_gaussian, '+.3f')}. Before training the pictures under Gaussian joints "
        f"are {shown(gaussian_start)} from true ones, the base's {shown(base)}."
    )
    clear = [over_lite.low > 0, over_gaussian.low > 0, gaussian_start.low > base.high]
    reversed_ = [over_lite.high < 0, over_gaussian.high < 0, gaussian_start.high < base.low]
    if any(clear):
        return (Verdict.HOLDS if all(clear) else Verdict.IN_PART), words
    return (Verdict.FAILS if any(reversed_) else Verdict.OPEN), words


def drawings(seeds: int) -> int:
    """How often a picture of each scene is drawn."""
    unlocked = sum(isinstance(system, Unlocked) for system in SYSTEMS)
    return 1 + seeds * (len(SYSTEMS) * (1 + PROMPTS) + unlocked)


EXPERIMENT = Experiment(
    name="ablations",
    title="Ablations: without the copy, without zeros, without the lock",
    where="Fig. 8, rows of Tables 1 and 3",
    claim="ControlNet-lite is not strong enough to read the condition without words, and Gaussian joints in place of "
    "zero convolutions bring ControlNet down to about lite: the copy's features are destroyed as training begins.",
    papers_number="user ranks 4.22 and 4.28 (ControlNet) over 3.93 and 4.09 (lite), FID 15.27 over 17.92; Fig. 8 in "
    "pictures",
    rule="holds where, without words, the full ControlNet follows the condition better than lite and better than "
    "Gaussian joints (95 % intervals of the differences scene by scene, means over seeds, above 0) and the pictures "
    "under Gaussian joints before training are farther from true ones than the base's (intervals apart); in part where "
    "some of the three are so; it does not where none is and one is surely the other way round",
    run=run,
    pictures=lambda count: drawings(SEEDS) * count,
    samples=SEEDS * len(SYSTEMS) * STEPS * int(RECIPE["batch_size"]),
    trains_on=(CONDITION,),
    needs_world="the trainings are on scenes",
)
