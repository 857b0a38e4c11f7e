"""The losses of the heads that read objects and joints: targets are spots, not whole maps.

Letters: B pictures, H W their size in pixels.
"""

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits as binary_cross_entropy
from torch.nn.functional import cross_entropy

from zeroconv.perception import Perception

CELL = 4  # pixels a cell of the object maps stands for
SPOT = 1.2  # cells: spread of an object's spot; the kind is learnt where the spot is above a half
JOINT = 1.3  # cells of two pixels: spread of a joint's spot


def spots(x: Tensor, y: Tensor, size: tuple[int, int], spread: float) -> Tensor:
    """Gaussian spots of height 1 at x, y (B, K) in cells, counted from the first cell's middle -> (B, K, *size)."""
    rows = torch.arange(size[0], device=x.device).view(1, 1, -1, 1)
    columns = torch.arange(size[1], device=x.device).view(1, 1, 1, -1)
    squared = (rows - y[:, :, None, None]) ** 2 + (columns - x[:, :, None, None]) ** 2
    return torch.exp(-squared / (2 * spread**2))


def spot_loss(logits: Tensor, heat: Tensor, boost: float) -> Tensor:
    """Cross-entropy against spots, `boost` times as heavy within them, where there is far less to see than outside."""
    errors = binary_cross_entropy(logits, heat, reduction="none") * (1 + boost * heat)
    return errors.sum() / heat.sum().clamp_min(1.0)


def object_losses(seen: Perception, objects: Tensor) -> Tensor:
    """Centres, and at them kind and colour; objects (B, 3, 4): x, y in pixels, kind, colour, -1 where there is none."""
    size = (seen.centres.shape[2], seen.centres.shape[3])
    is_there = objects[:, :, 2] >= 0
    x, y = ((objects[:, :, axis] + 0.5) / CELL - 0.5 for axis in (0, 1))
    each = spots(x, y, size, SPOT) * is_there[:, :, None, None]
    heat, owner = each.max(1)
    centres = spot_loss(seen.centres[:, 0], heat, boost=10.0)
    near = heat > 0.5
    kinds, colours = (objects[:, :, entry].gather(1, owner.flatten(1)).view_as(owner)[near] for entry in (2, 3))
    kind = cross_entropy(seen.kinds.permute(0, 2, 3, 1)[near], kinds)
    colour = cross_entropy(seen.colours.permute(0, 2, 3, 1)[near], colours)
    return 0.2 * centres + 2 * kind + colour


def keypoint_loss(logits: Tensor, keypoints: Tensor) -> Tensor:
    """Joint heat (B, 18, H / 2, W / 2) against keypoints (B, 18, 3): x, y in pixels and 0 where there is none."""
    size = (logits.shape[2], logits.shape[3])
    heat = spots(keypoints[:, :, 0] / 2 - 0.5, keypoints[:, :, 1] / 2 - 0.5, size, JOINT)
    heat = heat * (keypoints[:, :, 2] > 0)[:, :, None, None]
    return 0.1 * spot_loss(logits, heat, boost=20.0)
