"""The fidelity to conditions in photographs, whose truth nobody rendered: a condition is found again by its extractor.

What is asked for is what the ControlNet sees: the data's own condition image, or the one made from the photograph. In
what was drawn it is found by the extractor that made it, or by another of the same condition that is named to judge.
H, W pixels.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from zeroconv import conditions
from zeroconv.conditions import ade20k
from zeroconv.conditions.ade20k import colour_codes
from zeroconv.conditions.person import Keypoints
from zeroconv.data.coco_images import DrawnPoses
from zeroconv.data.extraction import Extraction
from zeroconv.errors import UserError
from zeroconv.evaluation import people, surfaces
from zeroconv.evaluation.edges import edge_f1
from zeroconv.evaluation.fidelity import check_measured
from zeroconv.evaluation.held_out import Picture
from zeroconv.evaluation.line_fidelity import DRAWN, F1, LINE_F1, middle_lines
from zeroconv.evaluation.lines import Segments, line_f1
from zeroconv.evaluation.measured import Asked, Fidelity
from zeroconv.evaluation.photographs import Photograph, Photographs
from zeroconv.evaluation.regions import Classes, mean_iou
from zeroconv.scenes.vocabulary import PALETTE

Images = Sequence[Picture]

SHORTEST = 0.03
"""Length of the shortest segment read from a ready drawing of lines, as a share of its side: line F1 against the true
edges of 12 scenes is 0.97 at 128 pixels and 0.996 at 512, where the default's 0.08 gives 0.91 and 0.95."""


def photo_fidelity(made_by: Extraction, read_by: Extraction) -> Fidelity:
    """How a condition is measured on photographs; UserError where it is not.

    made_by: how its images are made where the data has none. read_by: what finds it in the pictures that are drawn.
    """
    check_measured(made_by.name)
    return _MEASURES[made_by.name](made_by, read_by)


def _edges(made_by: Extraction, read_by: Extraction) -> Fidelity:
    """Edges as they are, one pixel wide."""
    return _of_images(read_by, f"edge {F1}", lambda image: np.asarray(image[..., 0] >= DRAWN, np.uint8), edge_f1)


def _lines(made_by: Extraction, read_by: Extraction) -> Fidelity:
    """The middles of soft or thick lines."""
    return _of_images(read_by, f"{made_by.name} {F1}", middle_lines, edge_f1)


def _depth(made_by: Extraction, read_by: Extraction) -> Fidelity:
    return _of_images(
        read_by,
        "error of the depth image after the best scale and shift: mean absolute difference, 0 to 1, mean over pictures",
        lambda image: np.asarray(image[..., 0] / 255, np.float32),
        surfaces.aligned_error,
        is_error=True,
    )


def _normal(made_by: Extraction, read_by: Extraction) -> Fidelity:
    metric = "error of the normals: mean angle in degrees, mean over pictures"
    return _of_images(read_by, metric, _directions, surfaces.mean_angle, is_error=True)


def _segmentation(made_by: Extraction, read_by: Extraction) -> Fidelity:
    """Classes by their colours; where the data's images are in other colours than those found, nothing could agree."""
    is_world = read_by.options.get("method") == "scenes"
    owner, palette = ("the embedded world", PALETTE) if is_world else ("ADE20K", ade20k.PALETTE)
    known = np.unique(colour_codes(palette))

    def truth(image: Picture) -> Classes | None:
        classes = colour_codes(image)
        labelled = classes[classes != ade20k.UNLABELLED]
        if not labelled.size:
            return None
        if not np.isin(labelled, known).mean() > 0.5:
            raise UserError(
                f"the segmentation images of the data are not in the colours of {owner}, in which classes are found "
                "again; --measured-by segmentation,KEY=VALUE names what finds others"
            )
        return classes

    metric = "mIoU: mean over the classes asked for, where labelled, then over pictures"
    return _of_images(read_by, metric, truth, _labelled_iou, found_as=colour_codes)


def _of_images(
    read_by: Extraction,
    metric: str,
    truth: Callable[[Picture], Any],
    score: Callable[[Any, Any], float],
    *,
    found_as: Callable[[Picture], Any] | None = None,
    is_error: bool = False,
) -> Fidelity:
    """A measure that compares condition images, each brought to what is compared by `truth`.

    found_as: the same for the images of what was drawn, where it differs.
    """

    def asked(photographs: Photographs) -> list[Asked]:
        return [Asked(image, truth(image)) for image in photographs.conditions]

    return Fidelity(
        metric=metric,
        extractor=_recorded(read_by),
        asked=asked,
        found=lambda pictures: [(found_as or truth)(image) for image in _images(read_by, pictures)],
        score=score,
        is_error=is_error,
    )


def _hough(made_by: Extraction, read_by: Extraction) -> Fidelity:
    """Segments, which extractors find before they draw them; those of a ready drawing are found in the drawing."""
    in_drawings = conditions.create("hough", shortest=SHORTEST)

    def segments(photograph: Photograph) -> Segments:
        example = photograph.example
        if photograph.ready is None:
            return _segments(made_by.extract, example.image)
        return _segments(in_drawings, example.condition)

    return Fidelity(
        metric=LINE_F1,
        extractor=_recorded(read_by),
        asked=lambda photographs: [Asked(p.example.condition, segments(p)) for p in photographs.items],
        found=lambda pictures: [_segments(read_by.extract, picture) for picture in pictures],
        score=line_f1,
    )


def _pose(made_by: Extraction, read_by: Extraction) -> Fidelity:
    """Joints: of COCO's annotations, or found in the photograph, by what judges where the drawing was given ready."""

    def persons(photograph: Photograph) -> list[Keypoints] | None:
        image, ready = photograph.example.image, photograph.ready
        if isinstance(ready, DrawnPoses):
            return ready.bodies((image.shape[0], image.shape[1])) or None
        return _bodies(made_by if ready is None else read_by, image) or None

    return Fidelity(
        metric=f"PCK@{people.NEAR:g}: share of the joints of all persons found within {people.NEAR:g} of the larger "
        "side of the person's box, mean over pictures with persons",
        extractor=_recorded(read_by),
        asked=lambda photographs: [Asked(p.example.condition, persons(p)) for p in photographs.items],
        found=lambda pictures: [_bodies(read_by, picture) for picture in pictures],
        score=people.persons_found,
    )


_MEASURES: Mapping[str, Callable[[Extraction, Extraction], Fidelity]] = {
    "canny": _edges,
    "hough": _hough,
    "hed": _lines,
    "scribble": _lines,
    "lineart": _lines,
    "pose": _pose,
    "segmentation": _segmentation,
    "depth": _depth,
    "normal": _normal,
}


def _recorded(read_by: Extraction) -> dict[str, Any]:
    return {"condition": read_by.name, **read_by.options}


def _images(read_by: Extraction, pictures: Images) -> list[Picture]:
    extractor: Any = read_by.extract
    return conditions.extract_many(extractor, pictures)


def _segments(detector: Any, image: Picture) -> Segments:
    return np.asarray(detector.segments(image))


def _bodies(by: Extraction, picture: Picture) -> list[Keypoints]:
    """The joints (18, 3) of each person in a picture (H, W, 3) in which any is found."""
    detector: Any = by.extract
    return [person.body for person in detector.persons(picture) if (person.body[:, 2] > 0).any()]


def _labelled_iou(found: Classes, asked: Classes) -> float:
    """The mean over the classes asked for, of pixels that have one."""
    is_labelled = asked != ade20k.UNLABELLED
    return mean_iou(found[is_labelled], asked[is_labelled], np.unique(asked[is_labelled]).tolist())


def _directions(image: Picture) -> surfaces.Map:
    """Colours (H, W, 3) -> unit vectors (H, W, 3)."""
    vectors = image.astype(np.float32) / 127.5 - 1
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=2, keepdims=True), 1e-6))
