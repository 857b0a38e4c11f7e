"""How the agreement of a picture with each condition is measured on scenes; photo_fidelity.py does on photographs.

The condition is found again in a picture by the extractor that made it, or, where none does, by the judge. Classes and
joints are those of the embedded world.
"""

from collections.abc import Callable, Mapping

from zeroconv.errors import UserError, nearest
from zeroconv.evaluation import line_fidelity, scene_fidelity
from zeroconv.evaluation.judge import Judge
from zeroconv.evaluation.measured import Fidelity

BY_EXTRACTOR: Mapping[str, Callable[[], Fidelity]] = {
    "canny": line_fidelity.canny,
    "hough": line_fidelity.hough,
}
BY_JUDGE: Mapping[str, Callable[[Judge], Fidelity]] = {
    "hed": line_fidelity.hed,
    "scribble": line_fidelity.scribble,
    "pose": scene_fidelity.pose,
    "segmentation": scene_fidelity.segmentation,
    "depth": scene_fidelity.depth,
    "normal": scene_fidelity.normal,
    "lineart": line_fidelity.lineart,
}
MEASURED = (*BY_EXTRACTOR, *BY_JUDGE)
"""The conditions whose fidelity can be measured, on scenes and on photographs."""


def check_measured(condition: str) -> None:
    """UserError for a condition, by its canonical name, whose fidelity is not measured."""
    if condition not in MEASURED:
        raise UserError(f"the fidelity to {condition!r} is not measured; {nearest(condition, MEASURED)}")


def fidelity_of(condition: str, judge: Judge | None = None) -> Fidelity:
    """How `condition`, by its canonical name, is measured on scenes; UserError where it is not, or needs a judge."""
    check_measured(condition)
    if condition in BY_EXTRACTOR:
        return BY_EXTRACTOR[condition]()
    if judge is None:
        raise UserError(f"the fidelity to {condition!r} is read by a perception network; --judge must name one")
    return BY_JUDGE[condition](judge)
