"""Soft edges without weights: slopes in colour at several scales, thinned gently, quiet in texture.

At each scale the slope along the normal, less the slope along the edge (which texture has and a contour has not),
is inhibited by the slopes around it (C. Grigorescu, N. Petkov and M. Westenberg, IEEE TIP 12(7), 2003) and thinned by
the share it has of the greatest slope across the edge.
Letters: H W height and width.
"""

import cv2
import numpy as np

from zeroconv.conditions.structure_tensor import StructureTensor, blurred, shifted, structure_tensor

REFERENCE_SIDE = 512
"""Widths are given in pixels of a picture with this short side and grow with the picture."""

SCALES = (1.0, 2.0, 4.0)
"""Sigmas of the slopes, in multiples of the finest."""

INHIBITION = 0.7
"""Share of the slopes around that is taken off: 0 keeps all texture, 1 leaves lone contours."""

FULL = 5.0
"""Slope times sigma, in CIE Lab units, that is drawn as a strong edge in a faint picture; a step from black to white
has 22. In a picture with more contrast the 0.96 quantile of its own slopes is."""

CURVE = 1.6
"""Power of the tone curve: above 1 it leaves grain black."""


def scale_of(size: tuple[int, ...]) -> float:
    """(H, W, ...) -> pixels of this picture in one of the reference."""
    return min(size[:2]) / REFERENCE_SIDE


def soft_edges(image: np.ndarray, sigma: float) -> np.ndarray:
    """uint8 (H, W, 3), RGB -> float32 (H, W) in 0..1; sigma: the finest scale, in reference pixels."""
    lab = cv2.cvtColor(image.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    unit = scale_of(image.shape)
    total = np.zeros(image.shape[:2], np.float32)
    for multiple in SCALES:
        total += _edges_at(lab, max(0.7, sigma * multiple * unit))
    total /= len(SCALES)
    measure = max(FULL, float(np.quantile(total, 0.96)))
    return np.asarray(1 - np.exp(-((1.6 * total / measure) ** CURVE)), np.float32)


def _edges_at(lab: np.ndarray, sigma: float) -> np.ndarray:
    tensor = structure_tensor(lab, sigma, integration=1.5 * sigma)
    slopes = sigma * (tensor.strongest - tensor.weakest)
    around = np.maximum(blurred(slopes, 6 * sigma) - 0.5 * blurred(slopes, 1.5 * sigma), 0)
    return blurred(_thinned(np.maximum(slopes - INHIBITION * around, 0), tensor, sigma), 0.7 * sigma)


def _thinned(slopes: np.ndarray, tensor: StructureTensor, sigma: float) -> np.ndarray:
    """Each slope times its share of the greatest one across the edge, cubed: soft non-maximum suppression."""
    greatest = slopes
    for steps in (-2 * sigma, -sigma, sigma, 2 * sigma):
        greatest = np.maximum(greatest, shifted(slopes, tensor.normal, steps))
    return np.asarray(slopes * (slopes / np.maximum(greatest, 1e-6)) ** 3)
