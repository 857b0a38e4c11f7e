"""Where the cameras are, where a person's joints are in the picture, and whether they can be seen.

Letters: B scenes, H picture side in pixels.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import normalize

from zeroconv.scenes.surfaces import per_scene
from zeroconv.scenes.world import Scene

SKIN_DEPTH = 0.22  # metres a joint may lie behind the visible surface of its own limb
OUTSIDE, HIDDEN, SEEN = 0.0, 1.0, 2.0


@dataclass(frozen=True)
class Frames:
    """The cameras of a batch."""

    eye: Tensor  # (B, 3) metres
    axes: Tensor  # (B, 3, 3) rows: right, up, backward (towards the viewer)
    focal: Tensor  # (B,) half picture widths


def camera_frames(scenes: Sequence[Scene], device: torch.device) -> Frames:
    """Where the scenes' cameras are and how they are turned."""
    eye = per_scene([s.camera.eye.tolist() for s in scenes], device)
    target = per_scene([s.camera.target.tolist() for s in scenes], device)
    forward = normalize(target - eye, dim=1)
    right = normalize(torch.linalg.cross(torch.tensor([[0.0, 1.0, 0.0]], device=device), forward), dim=1)
    up = torch.linalg.cross(forward, right)
    return Frames(eye, torch.stack([right, up, -forward], 1), per_scene([s.camera.focal for s in scenes], device))


def project_keypoints(
    scenes: Sequence[Scene], frames: Frames, depth: Tensor, instances: Tensor
) -> tuple[tuple[Tensor, ...], ...]:
    """Keypoints of each scene's persons, (18, 3) each: x, y in pixels, then 0 outside, 1 hidden, 2 seen.

    depth (B, H, H) metres, instances (B, H, H).
    """
    found = []
    for b, scene in enumerate(scenes):
        camera = frames.eye[b], frames.axes[b], frames.focal[b]
        persons = [
            _project(torch.from_numpy(o.keypoints).float(), camera, depth[b], instances[b] == k)
            for k, o in enumerate(scene.objects, 1)
            if o.keypoints is not None
        ]
        found.append(tuple(persons))
    return tuple(found)


def _project(joints: Tensor, camera: tuple[Tensor, Tensor, Tensor], depth: Tensor, own: Tensor) -> Tensor:
    """Joints (18, 3) in metres of the person whose pixels are `own` (H, H)."""
    (eye, axes, focal), side = camera, depth.shape[0]
    x, y, towards = ((joints.to(eye.device) - eye) @ axes.T).unbind(1)
    distance = -towards
    column, row = (x / distance * focal + 1) * side / 2, (1 - y / distance * focal) * side / 2
    inside = (column >= 0) & (column < side) & (row >= 0) & (row < side)
    i, j = row.long().clamp(0, side - 1), column.long().clamp(0, side - 1)
    seen = own[i, j] & (distance <= depth[i, j] + SKIN_DEPTH)
    state = torch.where(inside, torch.where(seen, SEEN, HIDDEN), OUTSIDE)
    return torch.stack([column, row, state], 1)
