"""How well two edge maps agree: F1 with a tolerance of one pixel and one-to-one matching.

An edge pixel of one map may be matched with one edge pixel of the other at most, in the same place or among its eight
neighbours, and as many pairs are formed as can be. A thick or doubled edge is therefore not rewarded twice, which it
would be if one map were only compared with the dilated other. The idea is that of the boundary benchmark of Martin,
Fowlkes and Malik (PAMI 2004); the largest matching is found exactly, by Hopcroft and Karp's algorithm in scipy.

H, W height and width; P, Q numbers of edge pixels in the one map and the other.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import maximum_bipartite_matching

TOLERANCE = 1  # pixels, Chebyshev distance


@dataclass(frozen=True)
class EdgeAgreement:
    """Counts of edge pixels: found in the picture, asked for by the condition, and pairs formed between the two."""

    found: int
    asked: int
    matched: int

    @property
    def precision(self) -> float:
        """The share of the edges found that were asked for; of no edges found, 1."""
        return self.matched / self.found if self.found else 1.0

    @property
    def recall(self) -> float:
        """The share of the edges asked for that were found; of no edges asked for, 1."""
        return self.matched / self.asked if self.asked else 1.0

    @property
    def f1(self) -> float:
        """The harmonic mean of the two, 2 matched / (found + asked); two empty maps agree: 1; one empty: 0."""
        total = self.found + self.asked
        return 2 * self.matched / total if total else 1.0


def edge_agreement(found: NDArray[np.uint8], asked: NDArray[np.uint8]) -> EdgeAgreement:
    """Compare two edge maps (H, W) or (H, W, C), any value above 0 in any channel an edge -> their agreement.

    ValueError where the sizes differ: a map is never resized, since that moves and thickens edges.
    """
    first, second = _is_edge(found), _is_edge(asked)
    if first.shape != second.shape:
        raise ValueError(f"edge maps of one size expected, got {first.shape} and {second.shape}")
    return EdgeAgreement(int(first.sum()), int(second.sum()), _largest_matching(first, second))


def edge_f1(found: NDArray[np.uint8], asked: NDArray[np.uint8]) -> float:
    """F1 in [0, 1] of the edges `found` (H, W[, C]) in a picture against those `asked` for by the condition."""
    return edge_agreement(found, asked).f1


def _is_edge(edges: NDArray[np.uint8]) -> NDArray[np.bool_]:
    if edges.ndim not in (2, 3):
        raise ValueError(f"an edge map (H, W) or (H, W, C) expected, got shape {edges.shape}")
    return np.asarray(edges > 0) if edges.ndim == 2 else np.asarray((edges > 0).any(axis=2))


def _largest_matching(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> int:
    """The greatest number of one-to-one pairs of edge pixels that lie at most TOLERANCE apart."""
    rows, columns = _candidate_pairs(first, second)
    if not len(rows):
        return 0
    size = (int(first.sum()), int(second.sum()))
    graph = csr_array((np.ones(len(rows), dtype=np.uint8), (rows, columns)), shape=size)
    partner = maximum_bipartite_matching(graph, perm_type="column")
    return int((partner >= 0).sum())


def _candidate_pairs(
    first: NDArray[np.bool_], second: NDArray[np.bool_]
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """All pairs (index of an edge pixel in the first map, index in the second) within the tolerance."""
    height, width = first.shape
    number, other = _numbered(first), np.pad(_numbered(second), TOLERANCE, constant_values=-1)
    rows, columns = [], []
    for down in range(2 * TOLERANCE + 1):
        for right in range(2 * TOLERANCE + 1):
            neighbour = other[down : down + height, right : right + width]
            is_pair = (number >= 0) & (neighbour >= 0)
            rows.append(number[is_pair])
            columns.append(neighbour[is_pair])
    return np.concatenate(rows), np.concatenate(columns)


def _numbered(edges: NDArray[np.bool_]) -> NDArray[np.int32]:
    """(H, W): 0, 1, 2 ... on the edge pixels in reading order, -1 elsewhere."""
    return np.where(edges, np.cumsum(edges.ravel()).reshape(edges.shape) - 1, -1).astype(np.int32)
