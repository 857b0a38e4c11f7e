"""The measures of pictures by name: distances between two sets, and scores of single pictures.

N pictures, F features.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from zeroconv.errors import UserError, nearest
from zeroconv.evaluation.frechet import RESAMPLES as FRECHET_RESAMPLES
from zeroconv.evaluation.frechet import Features, estimate_frechet
from zeroconv.evaluation.quality.kernel import RESAMPLES as KERNEL_RESAMPLES
from zeroconv.evaluation.quality.kernel import estimate_kernel
from zeroconv.evaluation.report import INTERVAL
from zeroconv.evaluation.statistics import SEED, Estimate

ENOUGH = 5
"""Pictures a feature from which on a Frechet distance stands: there it is too large by about a tenth of the variance
in all directions together where the features are independent ((F + 5) / 2N of it), and by less where they are not."""

FRECHET = f"95% normal interval of the bootstrap's spread over both sets, {FRECHET_RESAMPLES} resamples, seed {SEED}"
KERNEL = f"95% percentile bootstrap over both sets, {KERNEL_RESAMPLES} resamples, seed {SEED}"


@dataclass(frozen=True)
class Measured:
    """One measure: what it reads, and what its number means."""

    backbone: str
    meaning: str
    interval: str = INTERVAL
    distance: Callable[[Features, Features], Estimate] | None = None
    """Between the pictures' and the reference's features; None: a score of each picture."""
    needs_captions: bool = False
    grows_with_few: bool = False
    """Whether few pictures make a distance larger than it is."""


def _frechet(backbone: str, features: str) -> Measured:
    meaning = f"Frechet distance in {features}; less is better"
    return Measured(backbone, meaning, FRECHET, estimate_frechet, grows_with_few=True)


def _kernel(backbone: str, features: str) -> Measured:
    meaning = f"kernel distance (squared MMD) in {features}; less is better"
    return Measured(backbone, meaning, KERNEL, estimate_kernel)


MEASURES: Mapping[str, Measured] = {
    "fid": _frechet("inception", "Inception's features"),
    "kid": _kernel("inception", "Inception's features"),
    "clip-fid": _frechet("clip", "CLIP's embeddings"),
    "clip-kid": _kernel("clip", "CLIP's embeddings"),
    "dino-fid": _frechet("dino", "DINO's features"),
    "dino-kid": _kernel("dino", "DINO's features"),
    "scenes-fid": _frechet("scenes", "the perception network's features"),
    "scenes-kid": _kernel("scenes", "the perception network's features"),
    "clip-score": Measured("clip", "cosine of CLIP's embeddings of picture and caption", needs_captions=True),
    "aesthetic": Measured("clip", "LAION's aesthetic score, about 1 to 10"),
    "scenes-score": Measured(
        "scenes", "share of the caption's objects seen, in the colour named where one is", needs_captions=True
    ),
}


def chosen(names: str) -> tuple[str, ...]:
    """Names of measures with commas between -> the names. UserError for one that is not known, or for none."""
    found = tuple(dict.fromkeys(name.strip() for name in names.split(",") if name.strip()))
    for name in found:
        if name not in MEASURES:
            raise UserError(f"unknown measure {name!r}; {nearest(name, MEASURES)}")
    if not found:
        raise UserError(f"--measures names none; known: {', '.join(MEASURES)}")
    return found
