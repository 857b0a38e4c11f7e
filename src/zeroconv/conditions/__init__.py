"""What a picture can be controlled by: the nine conditions of the paper, those of ControlNet 1.1, and their makers.

One file per condition; each is a frozen dataclass whose fields are its options and whose call turns a picture into
its condition image. The class attributes say what a ControlNet trained on it expects to see.
"""

from zeroconv.conditions.blur import Blur
from zeroconv.conditions.canny import Canny
from zeroconv.conditions.depth import Depth
from zeroconv.conditions.grey import Grey
from zeroconv.conditions.hed import SoftEdge
from zeroconv.conditions.hough import Hough
from zeroconv.conditions.inpaint import Inpaint
from zeroconv.conditions.lineart import LineArt
from zeroconv.conditions.normal import Normal
from zeroconv.conditions.pose import Pose
from zeroconv.conditions.registry import (
    Extractor,
    Kind,
    ReadsMany,
    WritesJson,
    annotate,
    annotate_file,
    annotate_many,
    canonical,
    condition,
    create,
    doubts,
    extract_many,
    extractable,
    file_types,
    from_file,
    kind,
    names,
    recorded,
)
from zeroconv.conditions.scribble import Scribble
from zeroconv.conditions.segmentation import Segmentation
from zeroconv.conditions.shuffle import Shuffle
from zeroconv.conditions.tile import Tile

__all__ = [
    "Blur",
    "Canny",
    "Depth",
    "Extractor",
    "Grey",
    "Hough",
    "Inpaint",
    "Kind",
    "LineArt",
    "Normal",
    "Pose",
    "ReadsMany",
    "Scribble",
    "Segmentation",
    "Shuffle",
    "SoftEdge",
    "Tile",
    "WritesJson",
    "annotate",
    "annotate_file",
    "annotate_many",
    "canonical",
    "condition",
    "create",
    "doubts",
    "extract_many",
    "extractable",
    "file_types",
    "from_file",
    "kind",
    "names",
    "recorded",
]
