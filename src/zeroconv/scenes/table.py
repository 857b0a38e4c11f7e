"""A batch of scenes as tensors: primitives in one flat table, and the rows of it that each scene fills.

Letters: B scenes, M_b primitives in scene b, K pairs of a ray and a primitive, P primitives in all, N rays a scene.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from zeroconv.scenes.geometry import MISS, Triple, intersect
from zeroconv.scenes.solids import NUM_PARAMETERS, Shape
from zeroconv.scenes.vocabulary import CLASSES
from zeroconv.scenes.world import Scene


@dataclass(frozen=True)
class Table:
    """Everything about the primitives of a batch that rays and shading ask for."""

    shape: Tensor  # (P,) int64
    parameters: Tensor  # (P, 24)
    colour: Tensor  # (P, 3)
    pattern: Tensor  # (P,) int64
    pattern_scale: Tensor  # (P,) repeats per metre
    gloss: Tensor  # (P,)
    anchor: Tensor  # (P, 3) the object's place on the ground, where patterns start
    class_id: Tensor  # (P,) int64
    instance: Tensor  # (P,) int64, 1 is the leftmost object
    centre: Tensor  # (P, 3) of the bounding spheres
    radius: Tensor  # (P,)
    rows: tuple[Tensor, ...]  # (M_b,) int64 each: the rows of every scene

    def column(self, index: int, rows: Tensor) -> Tensor:
        """Parameter `index` of the given rows."""
        return self.parameters[:, index][rows]


def build_table(scenes: Sequence[Scene], device: torch.device) -> Table:
    """The table of all primitives of the scenes."""
    rows = [(b, o, k) for b, s in enumerate(scenes) for k, o in enumerate(s.objects, 1) for _ in o.primitives]
    pieces = [p for s in scenes for o in s.objects for p in o.primitives]
    parameters = torch.zeros(len(pieces), NUM_PARAMETERS)
    for row, piece in zip(parameters, pieces, strict=True):
        row[: len(piece.parameters)] = torch.tensor(piece.parameters)
    surfaces = [p.surface for p in pieces]
    counts = [sum(len(o.primitives) for o in s.objects) for s in scenes]
    return Table(
        shape=torch.tensor([int(p.shape) for p in pieces], device=device),
        parameters=parameters.to(device),
        colour=torch.tensor([s.colour for s in surfaces], device=device),
        pattern=torch.tensor([int(s.pattern) for s in surfaces], device=device),
        pattern_scale=torch.tensor([s.pattern_scale for s in surfaces], device=device),
        gloss=torch.tensor([s.gloss for s in surfaces], device=device),
        anchor=torch.tensor([(o.position[0], 0.0, o.position[1]) for _, o, _ in rows], device=device),
        class_id=torch.tensor([CLASSES.index(o.kind) for _, o, _ in rows], device=device),
        instance=torch.tensor([k for _, _, k in rows], device=device),
        centre=torch.from_numpy(np.stack([p.centre for p in pieces])).float().to(device),
        radius=torch.tensor([p.radius * 1.02 for p in pieces], device=device),
        rows=torch.split(torch.arange(len(pieces), device=device), counts),
    )


def first_hits(table: Table, eye: Tensor, directions: Tensor) -> tuple[Tensor, Tensor]:
    """Camera rays from eye (B, 3) along directions (B, 3, N) -> distance (B, N), row of the table hit (B, N) or -1."""
    num_scenes, _, num_rays = directions.shape
    near = []
    for b, own in enumerate(table.rows):
        towards = table.centre[own] - eye[b]
        along = towards @ directions[b]
        reach = ((towards * towards).sum(1) - table.radius[own] ** 2)[:, None]
        near.append((along > 0) & (along * along > reach))
    rows, flat = _pairs(table, near, num_rays)
    scene = torch.div(flat, num_rays, rounding_mode="floor")
    origin = tuple(eye[:, i][scene] for i in range(3))
    distance = _distances(table, rows, origin, _at(directions, flat))  # type: ignore[arg-type]
    shortest = torch.full((num_scenes * num_rays,), MISS, device=eye.device)
    shortest.scatter_reduce_(0, flat, distance, "amin")
    wins = ((distance < MISS) & (distance == shortest[flat])).nonzero()[:, 0]
    winner = torch.full(shortest.shape, -1, dtype=torch.int64, device=eye.device)
    winner.scatter_reduce_(0, flat[wins], rows[wins], "amax")  # of two at the same distance the later in the table
    return shortest.view(num_scenes, num_rays), winner.view(num_scenes, num_rays)


def in_shadow(table: Table, points: Tensor, lights: Tensor, light: Tensor, wanted: Tensor) -> Tensor:
    """Whether points (B, 3, N) see no light along lights (B, 3, N), all near light (B, 3) -> bool (B, N).

    Only `wanted` (B, N) points are tested. Bounding spheres are tested as discs in the plane across the light.
    """
    near = []
    for b, own in enumerate(table.rows):
        plane = _across(light[b])
        p, c = plane @ points[b], table.centre[own] @ plane.T
        gap = (c[:, :1] - p[:1]) ** 2 + (c[:, 1:] - p[1:]) ** 2
        near.append((gap < (table.radius[own] * 1.1 + 0.12)[:, None] ** 2) & wanted[b])
    rows, flat = _pairs(table, near, points.shape[2])
    blocked = _distances(table, rows, _at(points, flat), _at(lights, flat)) < 25.0
    shadow = torch.zeros(wanted.numel(), dtype=torch.bool, device=points.device)
    shadow[flat[blocked]] = True
    return shadow.view(wanted.shape)


def _across(light: Tensor) -> Tensor:
    """Two unit vectors (2, 3) at right angles to the light and to each other."""
    side = torch.nn.functional.normalize(torch.stack([light[1], -light[0], torch.zeros_like(light[0])]), dim=0)
    return torch.stack([side, torch.linalg.cross(light, side)])


def _pairs(table: Table, near: list[Tensor], num_rays: int) -> tuple[Tensor, Tensor]:
    """Masks (M_b, N), one a scene -> rows of the table (K,) and rays (K,) counted through the whole batch."""
    rows, flat = [], []
    for b, (own, mask) in enumerate(zip(table.rows, near, strict=True)):
        piece, ray = mask.nonzero(as_tuple=True)
        rows.append(own[piece])
        flat.append(ray + b * num_rays)
    return torch.cat(rows), torch.cat(flat)


def _at(vectors: Tensor, flat: Tensor) -> Triple:
    """Vectors (B, 3, N) of the rays counted through the batch."""
    x, y, z = (vectors[:, i].reshape(-1)[flat] for i in range(3))
    return x, y, z


def _distances(table: Table, rows: Tensor, origin: Triple, direction: Triple) -> Tensor:
    distance, shapes = torch.full(rows.shape, MISS, device=rows.device), table.shape[rows]
    for shape in Shape:
        pairs = (shapes == int(shape)).nonzero()[:, 0]
        if not len(pairs):
            continue
        own = rows[pairs]
        o = (origin[0][pairs], origin[1][pairs], origin[2][pairs])
        d = (direction[0][pairs], direction[1][pairs], direction[2][pairs])
        distance[pairs] = intersect(shape, lambda i, own=own: table.column(i, own), o, d)  # type: ignore[misc]
    return distance
