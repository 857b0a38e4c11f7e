"""A part of an evaluation: pictures for one set of captions, and what was measured of each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from zeroconv.evaluation.report import Measure
from zeroconv.evaluation.statistics import estimate_mean

Column = Mapping[int, float]
"""Picture number -> value; pictures may be missing."""


@dataclass(frozen=True)
class Part:
    """N pictures drawn for N captions."""

    name: str
    captions: Sequence[str]
    columns: Mapping[str, Column]
    meanings: Mapping[str, str]
    """What each column means."""
    further: tuple[Measure, ...] = ()
    """Measures of the set as a whole."""

    def measures(self) -> tuple[Measure, ...]:
        """Each column's mean with its interval; a column of fewer than two values gives none."""
        means = (
            Measure(name, self.meanings[name], estimate_mean(list(column.values())), unit=_unit(name))
            for name, column in self.columns.items()
            if len(column) > 1
        )
        return (*means, *self.further)

    def rows(self, seed: int, names: Sequence[str]) -> tuple[Mapping[str, Any], ...]:
        """One line a picture with an entry for each of `names`; picture k was drawn from the noise of seed + k."""
        empty: Column = {}
        return tuple(
            {
                "set": self.name,
                "number": k,
                "seed": seed + k,
                "caption": caption,
                **{name: self.columns.get(name, empty).get(k, "") for name in names},
            }
            for k, caption in enumerate(self.captions)
        )


def _unit(name: str) -> str:
    return "dB" if name.endswith("PSNR") else ""
