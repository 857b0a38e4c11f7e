"""Which keypoints belong to one person: confidence maps say where keypoints are, affinity fields how they connect.

Source: arXiv:1812.08008, sections 3.2 to 3.4. A keypoint is a peak of its confidence map; a limb between two is as
likely as the field of that limb points from one to the other along the way; the likeliest limbs are taken first and
joined to persons. Letters: H, W the maps' height and width, N M numbers of peaks.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from zeroconv.conditions.person import Keypoints
from zeroconv.conditions.skeleton import LIMBS, NUM_KEYPOINTS

Map = NDArray[np.float32]

PAIRS = (*LIMBS, (2, 16), (5, 17))
"""Limbs by their keypoints; the last two, shoulder to ear, only join what others have found."""

FIELDS = (12, 20, 14, 16, 22, 24, 0, 2, 4, 6, 8, 10, 28, 30, 34, 32, 36, 18, 26)
"""For each limb the first of the two maps, x and y, of its field."""

SIGMA = 3.0
"""Pixels by which confidences are smoothed before peaks are looked for, out to four sigmas."""

POINTS, AGREEING, LEAST_AFFINITY = 10, 8, 0.05
"""Places along a limb that are looked at; of these more than so many agree with its field by more than that."""

MOST_PEAKS = 127
"""Of one keypoint, the surest: as many persons as OpenPose looks for at most."""

FEWEST, LEAST_SCORE = 4, 0.4
"""Keypoints that make a person, and least sum of the certainties of its keypoints and limbs, for each keypoint."""


@dataclass(frozen=True)
class Link:
    """A limb that was found: a peak of its first keypoint, one of its second, and how sure it is."""

    start: int
    end: int
    score: float


@dataclass(frozen=True)
class Group:
    """What is connected so far: keypoint -> peak, and the sum of its limbs' certainties."""

    peaks: dict[int, int]
    score: float


def group_persons(confidences: Map, fields: Map, least: float) -> list[Keypoints]:
    """Confidences (18 or more, H, W) and fields (38, H, W) -> for each person (18, 3): x, y in pixels of the maps,
    confidence; all 0 where a keypoint was not found. `least`: confidence of a keypoint at least."""
    peaks = [find_peaks(confidence, least) for confidence in confidences[:NUM_KEYPOINTS]]
    groups: list[Group] = []
    for number, ((start, end), first) in enumerate(zip(PAIRS, FIELDS, strict=True)):
        affinities = score_limbs(peaks[start], peaks[end], fields[first : first + 2])
        for link in best_links(affinities):
            groups = _joined(groups, {start: link.start, end: link.end}, link.score, may_begin=number < len(LIMBS))
    persons = [(_keypoints(group, peaks), group.score) for group in groups if len(group.peaks) >= FEWEST]
    return [body for body, score in persons if (score + body[:, 2].sum()) >= LEAST_SCORE * (body[:, 2] > 0).sum()]


def find_peaks(confidence: Map, least: float) -> Keypoints:
    """A map (H, W) -> its peaks (N, 3), x, y and the confidence there, row by row; smoothed, above `least`."""
    reach = 2 * round(4 * SIGMA) + 1
    smooth = cv2.GaussianBlur(confidence, (reach, reach), SIGMA, borderType=cv2.BORDER_REFLECT)
    framed = np.pad(smooth, 1, constant_values=-np.inf)
    above, below, left, right = framed[:-2, 1:-1], framed[2:, 1:-1], framed[1:-1, :-2], framed[1:-1, 2:]
    is_peak = (smooth > above) & (smooth >= below) & (smooth > left) & (smooth >= right) & (smooth > least)
    rows, columns = np.nonzero(is_peak)
    surest = np.sort(np.argsort(-smooth[rows, columns], kind="stable")[:MOST_PEAKS])
    rows, columns = rows[surest], columns[surest]
    return np.column_stack([columns, rows, np.maximum(confidence[rows, columns], 1e-6)]).astype(np.float32)


def score_limbs(starts: Keypoints, ends: Keypoints, field: Map) -> NDArray[np.float64]:
    """Peaks (N, 3) and (M, 3), a field (2, H, W) -> how well it connects each with each (N, M); 0 where it does not.

    Section 3.3: the mean of the field along the way, less what a limb is longer than half the picture's height.
    """
    starts, ends = starts[:, None, :2].astype(np.float64), ends[None, :, :2].astype(np.float64)
    ways = ends - starts
    lengths = np.maximum(np.linalg.norm(ways, axis=2), 1e-3)
    shares = np.linspace(0, 1, POINTS)
    places = np.rint(starts[:, :, None] + shares[:, None] * ways[:, :, None]).astype(int)
    found = field[:, places[..., 1], places[..., 0]]
    along = np.einsum("cnmp,nmc->nmp", found, ways / lengths[..., None])
    scores = along.mean(2) + np.minimum(field.shape[1] / 2 / lengths - 1, 0)
    agrees = (along > LEAST_AFFINITY).sum(2) > AGREEING
    return np.where(agrees, np.maximum(scores, 0), 0)


def best_links(affinities: NDArray[np.float64]) -> list[Link]:
    """Scores (N, M) -> the best limb, then the best of what that leaves free, and so on (section 3.4)."""
    left = affinities.copy()
    links = []
    while left.size and left.max() > 0:
        start, end = (int(place) for place in np.unravel_index(left.argmax(), left.shape))
        links.append(Link(start, end, float(left[start, end])))
        left[start, :] = left[:, end] = 0
    return links


def _joined(groups: Sequence[Group], limb: dict[int, int], score: float, *, may_begin: bool) -> list[Group]:
    """The groups with a limb added: it joins those it touches, unless a person then had two of one keypoint."""
    touched = [group for group in groups if group.peaks.items() & limb.items()]
    if not touched and not may_begin:
        return list(groups)
    peaks: dict[int, int] = {}
    for part in (limb, *(group.peaks for group in touched)):
        if any(peaks.get(keypoint, peak) != peak for keypoint, peak in part.items()):
            return list(groups)
        peaks |= part
    whole = Group(peaks, score + sum(group.score for group in touched))
    return [*(group for group in groups if group not in touched), whole]


def _keypoints(group: Group, peaks: Sequence[Keypoints]) -> Keypoints:
    body = np.zeros((NUM_KEYPOINTS, 3), np.float32)
    for keypoint, peak in group.peaks.items():
        body[keypoint] = peaks[keypoint][peak]
    return body
