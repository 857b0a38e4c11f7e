"""The levels of `--speed`, each a named combination of what sampling may leave out.

Their costs in condition fidelity and in the pictures are measured by benchmarks/speed_levels.py.
"""

from dataclasses import dataclass

from zeroconv.request.speed import Speed
from zeroconv.sampling.savings import EXACT, Savings

FEWEST_STEPS = 4
"""A level takes no fewer, unless fewer were asked for."""


@dataclass(frozen=True)
class Level:
    """What one level leaves out."""

    share_of_steps: float = 1.0
    """Of the steps asked for, how many are taken."""
    scheduler: str | None = None
    """The solver, where none was asked for."""
    savings: Savings = EXACT

    def steps(self, asked: int) -> int:
        """How many steps are taken of those asked for."""
        return max(min(asked, FEWEST_STEPS), round(asked * self.share_of_steps))


LEVELS: dict[Speed, Level] = {
    "exact": Level(),
    "balanced": Level(0.4, "unipc", Savings(guided=(0.2, 1.0))),
    "fast": Level(0.25, "unipc", Savings(guided=(0.7, 1.0))),
}
