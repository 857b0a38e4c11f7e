"""What an experiment finds: tables with intervals, pictures, and whether the paper's claim holds here."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from PIL import Image

from zeroconv.evaluation.statistics import Estimate

Cell = Estimate | str
"""A mean with its interval, or words."""


def shown(cell: Cell | None, form: str = ".3g") -> str:
    """A cell in a few characters; None, where there is nothing to estimate, in words."""
    if cell is None or isinstance(cell, str):
        return "cannot be told" if cell is None else cell
    return f"{cell.mean:{form}} ({cell.low:{form}} .. {cell.high:{form}})"


class Verdict(StrEnum):
    """Whether a claim holds on what was measured."""

    HOLDS = "holds"
    IN_PART = "holds in part"
    FAILS = "does not hold"
    OPEN = "cannot be told"


@dataclass(frozen=True)
class Table:
    """Rows of cells under the names of columns."""

    title: str
    columns: tuple[str, ...]
    """Of the cells; the rows' names stand in a column before them."""
    rows: Mapping[str, tuple[Cell, ...]]

    def __post_init__(self) -> None:
        for name, cells in self.rows.items():
            if len(cells) != len(self.columns):
                raise ValueError(f"{self.title}: {len(self.columns)} cells expected in {name!r}, got {len(cells)}")


@dataclass(frozen=True, eq=False)
class Finding:
    """The outcome of one experiment."""

    verdict: Verdict
    words: str
    """What was found, in plain words, with its figures."""
    tables: tuple[Table, ...]
    protocol: Mapping[str, object]
    """Everything the figures depend on, as plain JSON values."""
    pictures: Mapping[str, Image.Image] = field(default_factory=dict)
    """File name -> picture."""
