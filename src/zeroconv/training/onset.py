"""When the control set in: the sudden convergence (arXiv 2302.05543 section 3.4, figure 4), with a confidence.

At each measurement two paired one-sided t-tests ask whether the right condition beats no control, and whether it beats
a wrong condition, each by more than a hundredth of the base's own loss; control has set in where both say yes (an
intersection-union test, which needs no correction: Berger, Technometrics 24 (1982) 295). Looking K times at the same
examples is paid for with Bonferroni's inequality, a level of 0.01 / K each. It holds however the looks depend on each
other, and they depend strongly: the same examples are measured again, so that methods for independent or for new data
(CUSUM, confidence sequences) would not keep what they promise.

The hundredth is there because pairs vary so little that the test would otherwise find effects of no use: a ControlNet
whose zero convolutions have just left zero reads its condition by some 1e-6 of the loss.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from zeroconv.training.gain import GainPoint, interval_factor

FALSE_ALARM = 0.01
"""How probable it may be that a training whose control never sets in is told that it has, over all measurements."""
USEFUL = 0.01
"""The share of the base's loss that a difference must exceed."""
FEWEST = 8
"""With fewer held-out examples nothing is said: the t-test leans on the mean being nearly normal."""


@dataclass(frozen=True)
class Onset:
    """Control has set in."""

    step: int
    """The first measurement that shows it."""
    after: int
    """The measurement before, which does not show it yet."""
    confidence: float
    """1 - the probability of such a curve, or a clearer one, where control never sets in; all looks counted."""

    @property
    def sentence(self) -> str:
        """As it is told in the terminal and in reports."""
        sure = min(self.confidence, 0.9999)
        return f"the control has set in between steps {self.after} and {self.step} (confidence {sure:.2%})"


def find_onset(points: Sequence[GainPoint], looks: int) -> Onset | None:
    """The onset of a curve of which `looks` points are planned in all, the start not counted; None: not yet."""
    later = [point for point in points if point.step > 0]
    looks = max(looks, len(later), 1)
    for position, point in enumerate(later):
        chance = looks * look(point)
        if chance < FALSE_ALARM:
            return Onset(point.step, later[position - 1].step if position else 0, 1 - chance)
    return None


def look(point: GainPoint) -> float:
    """The p-value of one measurement: the larger of those of its two paired tests."""
    if 0 < point.examples < FEWEST:
        return 1.0
    differences = ((point.gain, point.gain_interval), (point.shuffled_gain, point.shuffled_gain_interval))
    return max(_chance(mean - USEFUL * point.without, width, point.examples) for mean, width in differences)


def planned_looks(steps: int, every: int) -> int:
    """How often a training of `steps` is measured, the last step included and the start not."""
    return max(1, -(-steps // every)) if every else 1


def _chance(excess: float, width: float, examples: int) -> float:
    """The one-sided p-value of a mean above zero, from half the width of its 95 % interval."""
    from scipy.special import ndtr, stdtr

    if width <= 0:
        return 0.0 if excess > 0 else 1.0
    statistic = excess / (width / interval_factor(examples))
    return float(stdtr(examples - 1, -statistic) if examples else ndtr(-statistic))
