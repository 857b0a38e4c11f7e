"""Photographs of one's own as what experiments are measured on: the paper's scale, with its measures' real networks.

N pictures.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from zeroconv.data.extraction import extraction_of
from zeroconv.evaluation.held_out import Picture, Progress, TruePictures
from zeroconv.evaluation.photo_fidelity import photo_fidelity
from zeroconv.evaluation.photographs import Photographs, held_out_photographs, open_photographs, photographs_at
from zeroconv.evaluation.quality.measures import MEASURES
from zeroconv.evaluation.quality.pictures import of_list
from zeroconv.evaluation.quality.scorer import Scorer
from zeroconv.evaluation.statistics import Estimate
from zeroconv.reproduce.material import Material
from zeroconv.weights import Sidecar


@dataclass(eq=False)
class Gallery:
    """The photographs that `data` names, as `zeroconv train --data` does, at `size` x `size` pixels."""

    data: str
    size: int
    progress: Progress
    alignment_by: str = "clip-score"
    """A score of single pictures, of `zeroconv evaluate pictures`."""
    quality_by: str = "kid"
    """A distance to true pictures, of the same."""
    weights: Mapping[str, str] = field(default_factory=dict)
    """Where these measures' networks are."""
    true: tuple[Picture, ...] = ()
    """The photographs that distances are measured to: all that were read last."""

    @property
    def alignment_name(self) -> str:
        """As the tables call it."""
        return self.alignment_by

    @property
    def quality_name(self) -> str:
        """As the tables call it."""
        return f"{self.quality_by} to the photographs"

    def material(self, sidecars: Mapping[str, Sidecar], count: int, *, single: bool = False) -> Material:
        """The first `count` photographs that show something under the first condition, and under all others."""
        made_by = {name: extraction_of(name, _options(name, sidecar)) for name, sidecar in sidecars.items()}
        fidelity = {name: photo_fidelity(extraction, extraction) for name, extraction in made_by.items()}
        sources = {name: open_photographs(self.data, extraction, self.size) for name, extraction in made_by.items()}
        first, *others = sources
        found = {first: held_out_photographs(sources[first], fidelity[first], count, progress=self.progress)}
        places = [item.example.index for item in found[first].items]
        for name in others:
            found[name] = photographs_at(sources[name], places)
        asked = {name: fidelity[name].asked(photographs) for name, photographs in found.items()}
        kept = [k for k in range(len(places)) if all(each[k].truth is not None for each in asked.values())]
        self.true = tuple(found[first].pictures[k] for k in kept)
        return Material(
            Photographs(tuple(found[first].items[k] for k in kept)),
            fidelity,
            {name: [each[k] for k in kept] for name, each in asked.items()},
        )

    def conflicting(self, held_out: TruePictures) -> list[str]:
        """The next photograph's caption."""
        return [*held_out.captions[1:], held_out.captions[0]]

    @property
    def recognised_name(self) -> str:
        """As the tables call it."""
        return self.alignment_name

    def recognised(self, pictures: Sequence[Picture], captions: Sequence[str]) -> list[float]:
        """(N,) how well each picture fits its caption: which words of it a condition shows is not known."""
        return self.alignment(pictures, captions)

    def alignment(self, pictures: Sequence[Picture], captions: Sequence[str]) -> list[float]:
        """(N,) how well each picture fits its caption; 0 where there is none."""
        rows = self._aligned.score(of_list(pictures, captions)).rows
        return [float(row[self.alignment_by] or 0) for row in rows]

    def quality(self, pictures: Sequence[Picture]) -> Estimate:
        """The distance of the N pictures to the photographs."""
        scorer = Scorer(self.quality_by, reference=of_list(self.true), weights=self.weights, progress=self.progress)
        return scorer.score(of_list(pictures))[self.quality_by]

    def describe(self) -> dict[str, Any]:
        """The measures."""
        return {"ground": "photographs", "alignment": self.alignment_by, "quality": self.quality_by}

    @cached_property
    def _aligned(self) -> Scorer:
        return Scorer(self.alignment_by, weights=self.weights, progress=self.progress)


SCORES = tuple(name for name, measured in MEASURES.items() if measured.needs_captions)
DISTANCES = tuple(name for name, measured in MEASURES.items() if measured.distance is not None)


def _options(condition: str, sidecar: Sidecar) -> Mapping[str, object]:
    return sidecar.condition_options if sidecar.condition == condition else {}
