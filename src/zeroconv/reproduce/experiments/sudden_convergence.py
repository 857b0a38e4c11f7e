"""Sudden convergence (arXiv 2302.05543, section 3.4, Fig. 4 and 21): control comes within few steps, not bit by bit."""

import io

from PIL import Image

from zeroconv.evaluation.statistics import Estimate
from zeroconv.reproduce.bench import Bench
from zeroconv.reproduce.experiment import Experiment
from zeroconv.reproduce.finding import Cell, Finding, Table, Verdict
from zeroconv.reproduce.record import hash_of
from zeroconv.reproduce.trainings import SAMPLES, Training, trained
from zeroconv.training.gain import GainPoint
from zeroconv.training.gain_figure import LIGHT
from zeroconv.training.previews import growing_sheet
from zeroconv.training.report.figures import gain_png
from zeroconv.training.report.reading import RunRead

TRAINING = Training("canny-closely-watched", "canny", changes={"gain_every": 30, "preview_every": 60})
LOW, HIGH, WITHIN = 0.1, 0.5, 0.1
"""Shares of the last gain, and of the steps."""
SHOWN = (60, 120, 180, 240, 300, 420, 600, 900, 1200, 2100, 3000)


def run(bench: Bench) -> Finding:
    """Train Canny control from nothing, measure the control gain every thirty steps, and see how fast it comes."""
    found = trained(bench, TRAINING)
    points = found.curve.points
    onset = found.onset
    rows: dict[str, tuple[Cell, ...]] = {
        f"step {point.step}": (_estimate(point), _wrong(point)) for point in points if point.step in SHOWN
    }
    rise = rise_of(points)
    verdict, words = judge(rise, points[-1].step)
    words += " Onset, as zeroconv train tells it: " + (onset.sentence if onset else "not shown") + "."
    table = Table("control gain along the training", ("without control - with", "wrong condition - right"), rows)
    protocol = {"training": dict(TRAINING.settings), "about": hash_of(_without_machine(found))}
    return Finding(verdict, words, (table,), protocol, _pictures(found))


def rise_of(points: "list[GainPoint]") -> tuple[int, int] | None:
    """The last step below a tenth of the last gain before the first above half of it, and that; None: no gain."""
    last = points[-1].gain
    if last <= points[-1].gain_interval:
        return None
    above = next(point.step for point in points if point.gain >= HIGH * last)
    below = max(point.step for point in points if point.step < above and point.gain <= LOW * last)
    return below, above


def judge(rise: tuple[int, int] | None, steps: int) -> tuple[Verdict, str]:
    """The rule."""
    if rise is None:
        return Verdict.OPEN, "The condition is not used at the end of the training."
    below, above = rise
    words = (
        f"The control gain rises from a tenth to half of its last value between steps {below} and {above} of {steps}; "
        f"{_before(below, above)}."
    )
    return (Verdict.HOLDS if above - below <= WITHIN * steps else Verdict.FAILS), words


def _before(below: int, above: int) -> str:
    """Whether control is away for long before it comes, as in the paper's figure, or begins to come at once."""
    if below > above - below:
        return f"for {below} steps before there is next to none"
    return "no long stretch without control comes before, with this learning rate it begins to come at once"


def _estimate(point: GainPoint) -> Estimate:
    width = point.gain_interval
    return Estimate(point.gain, point.gain - width, point.gain + width, point.examples)


def _wrong(point: GainPoint) -> Estimate:
    width = point.shuffled_gain_interval
    return Estimate(point.shuffled_gain, point.shuffled_gain - width, point.shuffled_gain + width, point.examples)


def _without_machine(found: RunRead) -> dict[str, object]:
    return {name: found.about[name] for name in ("base_fingerprint", "condition", "data", "config")}


def _pictures(found: RunRead) -> dict[str, Image.Image]:
    pictures = {"gain.png": Image.open(io.BytesIO(gain_png(found, LIGHT))).convert("RGB")}
    sheet = growing_sheet(found.folder.previews, until=found.done, only=SHOWN)
    return pictures if sheet is None else {**pictures, "along-the-way.jpg": sheet}


EXPERIMENT = Experiment(
    name="sudden-convergence",
    title="Sudden convergence",
    where="section 3.4, Fig. 4, Fig. 21",
    claim="The model does not learn control bit by bit: it suddenly succeeds in following the condition, usually "
    "within 10,000 steps.",
    papers_number="step 6,133 in Fig. 4",
    rule="holds where the control gain rises from a tenth to half of its last value within a tenth of all steps",
    run=run,
    pictures=lambda count: 0,
    samples=SAMPLES,
    trains_on=("canny",),
    needs_world="the training is one of the embedded base",
)
