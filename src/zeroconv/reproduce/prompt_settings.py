"""The paper's four prompt settings (arXiv 2302.05543, section 4.2 and Fig. 8), for scenes with one object."""

from collections.abc import Mapping, Sequence

from zeroconv.evaluation.held_out import HeldOut
from zeroconv.reproduce.world import World

NONE, VAGUE, WRONG, PERFECT = "none", "insufficient", "conflicting", "perfect"
INSUFFICIENT = "a high-quality, detailed, and professional image"


def prompt_settings(world: World, held_out: HeldOut) -> Mapping[str, Sequence[str]]:
    """Setting -> a prompt for each scene: none, one that names nothing, one of another object, the scene's own."""
    return {
        NONE: [""] * len(held_out.captions),
        VAGUE: [INSUFFICIENT] * len(held_out.captions),
        WRONG: world.conflicting(held_out),
        PERFECT: list(held_out.captions),
    }
