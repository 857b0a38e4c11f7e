"""Against SD v2's depth-to-image (arXiv 2302.05543, section 4.4): can one tell whose a picture is?

The paper asks twelve people; here a linear rater learns it from half of the pictures, in the perception network's
features, and says it of the other half.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from zeroconv.comparisons.concatenated import DepthToImage
from zeroconv.evaluation.frechet import Features
from zeroconv.evaluation.statistics import Estimate, estimate_mean
from zeroconv.reproduce.bench import Bench, images, scores
from zeroconv.reproduce.experiment import Experiment
from zeroconv.reproduce.finding import Finding, Table, Verdict, shown
from zeroconv.reproduce.rivals import drawn_by, learnt
from zeroconv.reproduce.sheets import side_by_side
from zeroconv.reproduce.trainings import SAMPLES, Training, trained

CONDITION = "depth"
FOLDS = 2
RIDGE = 1.0
"""Of the rater's weights, in units of a feature's variance."""
GUESSING = 0.6


def run(bench: Bench) -> Finding:
    """Train both on as many samples of depth, draw the same scenes, and let the rater try."""
    fidelity, held_out = bench.world.fidelity(CONDITION), bench.world.held_out(bench.count)
    asked = fidelity.asked(held_out)
    system = learnt(bench, f"{CONDITION}-{DepthToImage.__name__.lower()}", CONDITION, DepthToImage)
    run_ = trained(bench, Training(f"{CONDITION}-full-0", CONDITION))
    controls = bench.controls_of(run_.folder.controlnet, CONDITION, asked)
    drawn = {
        "the base": bench.draw(held_out.captions, what="the base"),
        DepthToImage.name: drawn_by(bench, system.rival, CONDITION, asked, held_out.captions, what=DepthToImage.name),
        "ControlNet": bench.draw(held_out.captions, controls, what="ControlNet"),
    }
    features = {name: bench.world.judge.features(pictures) for name, pictures in drawn.items()}
    right = estimate_mean(told_apart(features["ControlNet"], features[DepthToImage.name]))
    minutes = {DepthToImage.name: system.seconds / 60, "ControlNet": float(run_.training["seconds"]) / 60}
    rows = {
        name: (
            estimate_mean(scores(fidelity, pictures, asked)),
            bench.world.quality(pictures),
            f"{minutes[name]:.0f}" if name in minutes else "",
        )
        for name, pictures in drawn.items()
    }
    columns = (
        f"{fidelity.metric}, less is better",
        f"{bench.world.quality_name}, less is better",
        "minutes of training",
    )
    verdict, words = judge(right)
    sheet = side_by_side(held_out.captions, {"scene": held_out.pictures, CONDITION: images(asked), **drawn})
    protocol = bench.protocol(held_out, samples=SAMPLES, folds=FOLDS, ridge=RIDGE)
    return Finding(verdict, words, (Table("depth to pictures", columns, rows),), protocol, {"depth.jpg": sheet})


def told_apart(first: Features, second: Features) -> list[float]:
    """(2N,) whether a linear rater, taught with the other folds, tells whose each picture is: 1 right, 0 wrong.

    first, second: (N, F) features of pictures of the same N scenes; a scene's two pictures lie in the same fold.
    """
    both = np.concatenate([first, second])
    both = (both - both.mean(0)) / both.std(0).clip(min=1e-9)
    labels = np.repeat([1.0, -1.0], len(first))
    folds = np.tile(np.arange(len(first)) % FOLDS, 2)
    right = np.zeros(len(both))
    for fold in range(FOLDS):
        taught = folds != fold
        weights = _ridge(both[taught], labels[taught])
        right[~taught] = (both[~taught] @ weights) * labels[~taught] > 0
    return [float(value) for value in right]


def judge(right: Estimate) -> tuple[Verdict, str]:
    """The rule, of the share of pictures whose system the rater tells."""
    words = f"The rater tells the system in {shown(right, '.2f')} of the pictures; 0.5 is guessing."
    if right.high < GUESSING:
        return Verdict.HOLDS, words
    return (Verdict.FAILS if right.low > GUESSING else Verdict.OPEN), words


def _ridge(seen: Features, labels: NDArray[np.float64]) -> NDArray[Any]:
    return np.linalg.solve(seen.T @ seen / len(seen) + RIDGE * np.eye(seen.shape[1]), seen.T @ labels / len(seen))


EXPERIMENT = Experiment(
    name="depth-to-image",
    title="Against depth-to-image of SD v2",
    where="section 4.4",
    claim="Pictures of a ControlNet for depth and of the depth-to-image model, trained at far larger cost, can hardly "
    "be told apart.",
    papers_number="people tell the system in 0.52 +- 0.17",
    rule="holds where a linear rater tells the system in fewer than 60 % of the pictures (95 % interval below); fails "
    "where above",
    run=run,
    pictures=lambda count: 3 * count,
    samples=2 * SAMPLES,
    trains_on=(CONDITION,),
    needs_world="both are trained on scenes",
)
