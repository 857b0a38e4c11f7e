"""Rays against primitives, in flat batches: pair k is ray k against one primitive.

Letters: K pairs, P primitives. Points and directions are tuples of three (K,) tensors; directions have length one.
Each `_hit_*` returns the distance (K,) along the ray, `MISS` where there is none; `p(i)` is parameter i of each pair.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from zeroconv.scenes.solids import Shape

MISS = 1e6
NEAR = 1e-3
Triple = tuple[Tensor, Tensor, Tensor]
Column = Callable[[int], Tensor]


def intersect(shape: Shape, p: Column, origin: Triple, direction: Triple) -> Tensor:
    """Distance (K,) in metres to the first hit in front of the origin, MISS without one."""
    return _HITS[shape](p, origin, direction)


def normal(shape: Shape, parameters: Tensor, point: Triple) -> Tensor:
    """Outward unit normals (3, K) at points on primitives with parameters (K, 24)."""
    outward = _NORMALS[shape](parameters, torch.stack(point))
    return torch.nn.functional.normalize(outward, dim=0)


def dot(a: Triple, b: Triple) -> Tensor:
    """The scalar product, elementwise over pairs."""
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


def _valid(condition: Tensor, distance: Tensor) -> Tensor:
    return torch.where(condition & (distance > NEAR), distance, MISS)


def _hit_ellipsoid(p: Column, origin: Triple, direction: Triple) -> Tensor:
    inverse = (1 / p(3), 1 / p(4), 1 / p(5))
    a = tuple((o - p(i)) * inverse[i] for i, o in enumerate(origin))
    e = tuple(d * inverse[i] for i, d in enumerate(direction))
    ee, ae, aa = dot(e, e), dot(a, e), dot(a, a) - 1  # type: ignore[arg-type]
    discriminant = ae * ae - ee * aa
    return _valid(discriminant > 0, (-ae - discriminant.clamp_min(0).sqrt()) / ee)


def _hit_frustum(p: Column, origin: Triple, direction: Triple) -> Tensor:
    x, y, z = origin[0] - p(0), origin[1], origin[2] - p(1)
    dx, dy, dz = direction
    low, high, r0, r1 = p(2), p(3), p(4), p(5)
    slope = (r1 - r0) / (high - low)
    r, dr = r0 + slope * (y - low), slope * dy
    a, b, c = dx * dx + dz * dz - dr * dr, x * dx + z * dz - r * dr, x * x + z * z - r * r
    a = torch.where(a.abs() < 1e-7, 1e-7, a)
    discriminant = b * b - a * c
    root, nearest = discriminant.clamp_min(0).sqrt(), torch.full_like(x, MISS)
    for distance in ((-b - root) / a, (-b + root) / a):
        height = y + distance * dy
        on_side = (discriminant > 0) & (height >= low) & (height <= high)
        nearest = torch.minimum(nearest, _valid(on_side, distance))
    lid = (high - y) / torch.where(dy.abs() < 1e-7, 1e-7, dy)
    on_lid = (x + lid * dx) ** 2 + (z + lid * dz) ** 2 < r1 * r1
    return torch.minimum(nearest, _valid(on_lid, lid))


def _hit_polyhedron(p: Column, origin: Triple, direction: Triple) -> Tensor:
    enter = torch.full_like(origin[0] + direction[0], -MISS)
    leave = torch.full_like(enter, MISS)
    for k in range(6):
        n = (p(4 * k), p(4 * k + 1), p(4 * k + 2))
        approach = dot(n, direction) + 1e-9
        distance = (p(4 * k + 3) - dot(n, origin)) / approach
        enter = torch.where(approach < 0, torch.maximum(enter, distance), enter)
        leave = torch.where(approach < 0, leave, torch.minimum(leave, distance))
    return _valid(enter < leave, enter)


def _hit_capsule(p: Column, origin: Triple, direction: Triple) -> Tensor:
    b = (p(3) - p(0), p(4) - p(1), p(5) - p(2))
    x = (origin[0] - p(0), origin[1] - p(1), origin[2] - p(2))
    r2 = p(6) * p(6)
    bb, bd, bx, xd, xx = dot(b, b), dot(b, direction), dot(b, x), dot(x, direction), dot(x, x)
    a, half, c = bb - bd * bd, bb * xd - bx * bd, bb * xx - bx * bx - r2 * bb
    discriminant = half * half - a * c
    side = (-half - discriminant.clamp_min(0).sqrt()) / a.clamp_min(1e-9)
    along = bx + side * bd
    on_side = (discriminant >= 0) & (along > 0) & (along < bb)
    beyond = along >= bb
    cap_b = torch.where(beyond, xd - bd, xd)
    cap_c = torch.where(beyond, xx - 2 * bx + bb, xx) - r2
    cap_discriminant = cap_b * cap_b - cap_c
    cap = torch.where(cap_discriminant > 0, -cap_b - cap_discriminant.clamp_min(0).sqrt(), MISS)
    return _valid(torch.ones_like(on_side), torch.where(on_side, side, cap))


def _hit_torus(p: Column, origin: Triple, direction: Triple) -> Tensor:
    """Sphere tracing of the exact distance between entry into and exit from the bounding sphere."""
    x = (origin[0] - p(0), origin[1] - p(1), origin[2] - p(2))
    axis, ring, tube = (p(3), p(4), p(5)), p(6), p(7)
    b, xx = dot(x, direction), dot(x, x)
    discriminant = b * b - xx + (ring + tube) ** 2
    root = discriminant.clamp_min(0).sqrt()
    travelled, leave = (-b - root).clamp_min(NEAR), -b + root
    height0, rise = dot(x, axis), dot(direction, axis)
    gap = torch.full_like(travelled, MISS)
    for _ in range(24):
        height = height0 + travelled * rise
        radial = (xx + 2 * travelled * b + travelled * travelled - height * height).clamp_min(0).sqrt() - ring
        gap = (radial * radial + height * height).sqrt() - tube
        travelled = travelled + gap
    reached = (discriminant > 0) & (gap < 0.006) & (travelled < leave + 0.02) & (travelled > 2e-2)
    return torch.where(reached, travelled, MISS)


def _normal_ellipsoid(q: Tensor, x: Tensor) -> Tensor:
    return (x - q[:, :3].T) / q[:, 3:6].T ** 2


def _normal_frustum(q: Tensor, x: Tensor) -> Tensor:
    slope = (q[:, 5] - q[:, 4]) / (q[:, 3] - q[:, 2])
    dx, dz = x[0] - q[:, 0], x[2] - q[:, 1]
    radius = (dx * dx + dz * dz).sqrt().clamp_min(1e-6)
    side = torch.stack([dx / radius, -slope, dz / radius])
    up = torch.tensor([0.0, 1.0, 0.0], device=x.device)[:, None]
    return torch.where(x[1] > q[:, 3] - 2e-3, up, side)


def _normal_polyhedron(q: Tensor, x: Tensor) -> Tensor:
    planes = q.view(-1, 6, 4)
    slack = (planes[:, :, :3] @ x.T[:, :, None])[:, :, 0] - planes[:, :, 3]
    face = slack.abs().argmin(1)
    return planes[torch.arange(len(q), device=q.device), face, :3].T


def _normal_capsule(q: Tensor, x: Tensor) -> Tensor:
    along, offset = q[:, 3:6] - q[:, :3], x.T - q[:, :3]
    share = ((offset * along).sum(1) / (along * along).sum(1)).clamp(0, 1)
    return (offset - along * share[:, None]).T


def _normal_torus(q: Tensor, x: Tensor) -> Tensor:
    offset, axis = x.T - q[:, :3], q[:, 3:6]
    flat = offset - axis * (offset * axis).sum(1, keepdim=True)
    return (offset - torch.nn.functional.normalize(flat, dim=1) * q[:, 6:7]).T


_HITS: dict[Shape, Callable[[Column, Triple, Triple], Tensor]] = {
    Shape.ELLIPSOID: _hit_ellipsoid,
    Shape.FRUSTUM: _hit_frustum,
    Shape.POLYHEDRON: _hit_polyhedron,
    Shape.CAPSULE: _hit_capsule,
    Shape.TORUS: _hit_torus,
}
_NORMALS: dict[Shape, Callable[[Tensor, Tensor], Tensor]] = {
    Shape.ELLIPSOID: _normal_ellipsoid,
    Shape.FRUSTUM: _normal_frustum,
    Shape.POLYHEDRON: _normal_polyhedron,
    Shape.CAPSULE: _normal_capsule,
    Shape.TORUS: _normal_torus,
}
