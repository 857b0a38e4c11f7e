"""Where a person's joints are in the picture, and whether they can be seen.

Letters: B scenes, H picture side in pixels.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from zeroconv.scenes.world import Scene

SKIN_DEPTH = 0.22  # metres a joint may lie behind the visible surface of its own limb
OUTSIDE, HIDDEN, SEEN = 0.0, 1.0, 2.0


def project_keypoints(
    scenes: Sequence[Scene], eye: Tensor, axes: Tensor, focal: Tensor, depth: Tensor, instances: Tensor
) -> tuple[tuple[Tensor, ...], ...]:
    """Keypoints of each scene's persons, (18, 3) each: x, y in pixels, then 0 outside, 1 hidden, 2 seen.

    eye (B, 3), axes (B, 3, 3) rows right, up, towards the viewer, focal (B,), depth (B, H, H) metres,
    instances (B, H, H).
    """
    found = []
    for b, scene in enumerate(scenes):
        persons = [
            _project(torch.from_numpy(o.keypoints).float(), k, eye[b], axes[b], focal[b], depth[b], instances[b])
            for k, o in enumerate(scene.objects, 1)
            if o.keypoints is not None
        ]
        found.append(tuple(persons))
    return tuple(found)


def _project(
    joints: Tensor, instance: int, eye: Tensor, axes: Tensor, focal: Tensor, depth: Tensor, instances: Tensor
) -> Tensor:
    side = depth.shape[0]
    x, y, towards = ((joints.to(eye.device) - eye) @ axes.T).unbind(1)
    distance = -towards
    column, row = (x / distance * focal + 1) * side / 2, (1 - y / distance * focal) * side / 2
    inside = (column >= 0) & (column < side) & (row >= 0) & (row < side)
    i, j = row.long().clamp(0, side - 1), column.long().clamp(0, side - 1)
    seen = (instances[i, j] == instance) & (distance <= depth[i, j] + SKIN_DEPTH)
    state = torch.where(inside, torch.where(seen, SEEN, HIDDEN), OUTSIDE)
    return torch.stack([column, row, state], 1)
