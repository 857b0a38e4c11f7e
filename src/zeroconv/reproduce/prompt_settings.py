"""The paper's four prompt settings (arXiv 2302.05543, section 4.2 and Fig. 8), for scenes with one object."""

from collections.abc import Mapping, Sequence

from zeroconv.evaluation.held_out import TruePictures
from zeroconv.reproduce.material import Ground

NONE, VAGUE, WRONG, PERFECT = "none", "insufficient", "conflicting", "perfect"
INSUFFICIENT = "a high-quality, detailed, and professional image"


def prompt_settings(ground: Ground, held_out: TruePictures) -> Mapping[str, Sequence[str]]:
    """Setting -> a prompt for each picture: none, one that names nothing, one of another object, its own."""
    return {
        NONE: [""] * len(held_out.captions),
        VAGUE: [INSUFFICIENT] * len(held_out.captions),
        WRONG: ground.conflicting(held_out),
        PERFECT: list(held_out.captions),
    }
