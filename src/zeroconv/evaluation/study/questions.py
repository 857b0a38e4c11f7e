"""What raters are asked."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Question:
    """One question of a ranking."""

    name: str
    ask: str
    """The heading over the pictures."""
    best: str
    """What the highest rank is for: the one that ..."""
    worst: str
    needs_condition: bool
    """Whether the condition image, and the prompt where there is one, stands beside the pictures."""


QUESTIONS = {
    "quality": Question("quality", "How good does each picture look?", "looks best", "looks worst", False),
    "fidelity": Question(
        "fidelity", "How well does each picture follow the guide?", "follows it best", "follows it worst", True
    ),
}
"""The paper's two (arXiv 2302.05543, Table 1): picture quality, then fidelity to the condition."""

SYSTEM = "system"
"""The question of the two-way test: which of the two made this picture?"""
