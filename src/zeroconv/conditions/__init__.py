"""What a picture can be controlled by: the nine conditions of the paper, and what makes each from a picture.

One file per condition; each is a frozen dataclass whose fields are its options and whose call turns a picture into
its condition image. The class attributes say what a ControlNet trained on it expects to see.
"""

from zeroconv.conditions.canny import Canny
from zeroconv.conditions.hed import SoftEdge
from zeroconv.conditions.hough import Hough
from zeroconv.conditions.lineart import LineArt
from zeroconv.conditions.registry import (
    Extractor,
    Kind,
    annotate,
    canonical,
    condition,
    create,
    doubts,
    extractable,
    kind,
    names,
)
from zeroconv.conditions.scribble import Scribble

__all__ = [
    "Canny",
    "Extractor",
    "Hough",
    "Kind",
    "LineArt",
    "Scribble",
    "SoftEdge",
    "annotate",
    "canonical",
    "condition",
    "create",
    "doubts",
    "extractable",
    "kind",
    "names",
]
