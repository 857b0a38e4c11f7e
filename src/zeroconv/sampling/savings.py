"""What a sampling may leave out at a small cost in exactness: guidance outside an interval, and what was computed a
step before.

Sources: guidance in an interval of noise levels, arXiv 2404.07724; features of neighbouring steps are alike, DeepCache,
arXiv 2312.00858.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from zeroconv.errors import UserError
from zeroconv.sampling.timing import Moment

T = TypeVar("T")


@dataclass(frozen=True)
class Savings:
    """What is left out; as it stands, nothing."""

    guided: tuple[float, float] = (0.0, 1.0)
    """Guidance acts between these shares of noise, 0 none and 1 pure noise; elsewhere the prediction that reads the
    prompt is taken as it is, which halves a step."""
    control_every: int = 1
    """Controls are computed at every so manieth step, and kept in between."""
    deep_every: int = 1
    """The U-Net's levels below the first are computed at every so manieth step, and kept in between."""

    def __post_init__(self) -> None:
        """UserError for an interval or a number of steps that cannot be."""
        if not 0 <= self.guided[0] <= self.guided[1] <= 1:
            raise UserError(f"guidance acts in an interval of noise within 0 and 1, got {self.guided}")
        if self.control_every < 1 or self.deep_every < 1:
            raise UserError(
                f"every first step is the least, got every {self.control_every} for controls, {self.deep_every} for "
                f"deep features"
            )

    def is_guided(self, moment: Moment) -> bool:
        """Whether guidance acts at this moment; where its share of noise is not known, it does."""
        return moment.noise is None or self.guided[0] <= moment.noise <= self.guided[1]


EXACT = Savings()


class Rhythm:
    """Says at which steps of a sampling something is computed anew."""

    def __init__(self, every: int) -> None:
        self._every, self._last = every, -1
        self._circumstances: object = None

    def is_due(self, moment: Moment, circumstances: object) -> bool:
        """At the first step, at every so manieth after the last, and where the circumstances are others."""
        is_within = 0 <= self._last < moment.step < self._last + self._every
        if is_within and circumstances == self._circumstances:
            return False
        self._last, self._circumstances = moment.step, circumstances
        return True


class Occasional(Generic[T]):
    """A value that is computed in a rhythm, and kept only where it is needed again."""

    def __init__(self, every: int) -> None:
        self._is_kept, self._rhythm = every > 1, Rhythm(every)
        self._value: T

    def __call__(self, compute: Callable[[], T], moment: Moment, circumstances: object) -> T:
        """The value at this moment."""
        if not self._is_kept:
            return compute()
        if self._rhythm.is_due(moment, circumstances):
            self._value = compute()
        return self._value
