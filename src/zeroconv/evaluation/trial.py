"""What a ControlNet is measured on, and how: held-out scenes of the embedded world, or photographs of one's own."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache

from zeroconv.data.extraction import extraction_of
from zeroconv.evaluation.fidelity import fidelity_of
from zeroconv.evaluation.held_out import HeldOut, Progress, TruePictures, held_out_scenes, silent
from zeroconv.evaluation.judge import Judge
from zeroconv.evaluation.measured import Fidelity
from zeroconv.evaluation.photo_fidelity import photo_fidelity
from zeroconv.evaluation.photographs import held_out_photographs, open_photographs, photographs_at, warn_of_training
from zeroconv.scenes import Scene
from zeroconv.weights import Sidecar

Options = Mapping[str, object]


@dataclass(frozen=True)
class Trial:
    """How the pictures drawn under one ControlNet are measured."""

    fidelity: Fidelity
    judge: Judge | None
    """What reads the pictures, where no extractor does."""
    read: Callable[[], TruePictures]
    """The held-out pictures, which take time to be read or made."""


MakeTrial = Callable[[str, Sidecar], Trial]
"""Condition (canonical name), and how its ControlNet wants the images -> its trial; UserError for what cannot be."""


def on_scenes(count: int, size: int, seed: int, judge: Judge | None, progress: Progress = silent) -> MakeTrial:
    """Trials on `count` held-out scenes of `seed`, size x size pixels; those of one kind are rendered once."""

    @cache
    def scenes(selects: Callable[[Scene], bool] | None) -> HeldOut:
        return held_out_scenes(count, size, seed=seed, selects=selects, progress=progress)

    def make(condition: str, sidecar: Sidecar) -> Trial:
        fidelity = fidelity_of(condition, judge)
        held_out = scenes(fidelity.selects)
        return Trial(fidelity, judge, lambda: held_out)

    return make


def on_photographs(
    data: str,
    count: int,
    size: int,
    *,
    options: Mapping[str, Options],
    measured_by: Mapping[str, Options],
    progress: Progress = silent,
) -> MakeTrial:
    """Trials on at most `count` of the photographs that `data` names, as `zeroconv train --data` does.

    options: of conditions, where they are not those of the ControlNet's sidecar. measured_by: further ones, with which
    they are found in what was drawn. What a network needs is loaded, and looks at one photograph, when a trial is made.
    """

    def make(condition: str, sidecar: Sidecar) -> Trial:
        trained = sidecar.condition_options if sidecar.condition == condition else {}
        asked = {**trained, **options.get(condition, {})}
        made_by = extraction_of(condition, asked)
        read_by = extraction_of(condition, {**asked, **measured_by.get(condition, {})})
        fidelity = photo_fidelity(made_by, read_by)
        source = open_photographs(data, made_by, size)
        first = photographs_at(source, source.unseen_first()[:1])
        fidelity.asked(first)
        fidelity.found(first.pictures)
        warn_of_training(source, count, sidecar.training.get("data", {}))
        return Trial(fidelity, None, lambda: held_out_photographs(source, fidelity, count, progress=progress))

    return make
