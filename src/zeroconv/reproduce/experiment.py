"""An experiment: what the paper claims where, by which rule it is judged here, and the function that runs it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from zeroconv.reproduce.finding import Finding

if TYPE_CHECKING:
    from zeroconv.reproduce.bench import Bench


@dataclass(frozen=True)
class Experiment:
    """One claim of arXiv 2302.05543 and how it is tested."""

    name: str
    """As `zeroconv reproduce` takes it."""
    title: str
    where: str
    """In the paper, such as "Fig. 6"."""
    claim: str
    """What the paper says, in a sentence."""
    papers_number: str
    """The number it gives, or what it shows instead."""
    rule: str
    """When the claim counts as holding here; settled before it was measured."""
    run: "Callable[[Bench], Finding]"
    pictures: Callable[[int], int]
    """How many pictures are drawn when `count` are drawn for each setting."""
    samples: int = 0
    """Training samples seen, in all of its trainings that are not another experiment's."""
    trains_on: tuple[str, ...] = ()
    """Conditions of which all scenes of the usual training set are prepared for its trainings."""
    needs_world: str = ""
    """Why it can be measured on the embedded world only; empty: it can be on photographs too."""
