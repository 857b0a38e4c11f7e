"""A network in whose features pictures are measured.

N pictures or texts, F features.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from torch import Tensor, nn

from zeroconv.base.hashing import weights_hash
from zeroconv.evaluation.frechet import Features
from zeroconv.evaluation.held_out import Picture


@dataclass(frozen=True, eq=False)
class Backbone:
    """A network with how it reads pictures."""

    network: nn.Module
    settings: Mapping[str, Any]
    """How pictures come to it and what is taken as features, as plain JSON values."""
    read: Callable[[Sequence[Picture]], Features]
    """Pictures of any sizes -> (N, F)."""
    read_texts: Callable[[Sequence[str]], Features] | None = None
    """Texts -> (N, F), to be compared with `read`; None: it knows no words."""

    @cached_property
    def weights(self) -> str:
        """16 hexadecimal digits that name the weights."""
        return weights_hash(self.network)[:16]


def as_features(values: Tensor) -> Features:
    """(N, F) of any number type and place -> float64."""
    found: Features = values.detach().double().cpu().numpy()
    return found
