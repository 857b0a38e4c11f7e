"""Scenes to pictures with exact ground truth: analytic ray casting in plain torch, batched, on a CPU or a GPU.

Letters: B scenes, H picture side in pixels, S samples along a side (H x supersample), N = S * S rays a scene.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

from zeroconv.scenes.geometry import MISS, normal
from zeroconv.scenes.projection import Frames, camera_frames, project_keypoints
from zeroconv.scenes.solids import Shape
from zeroconv.scenes.surfaces import ground_colour, horizon_colour, pattern_share, per_scene, sky_colour, wall_colours
from zeroconv.scenes.table import Table, build_table, first_hits, in_shadow
from zeroconv.scenes.vocabulary import CLASSES
from zeroconv.scenes.world import Scene

FAR = 150.0  # metres; what is farther counts as sky
SKY, GROUND, WALL = (CLASSES.index(name) for name in ("sky", "ground", "wall"))


@dataclass(frozen=True)
class Render:
    """A batch of pictures with their ground truth, all at the same size."""

    rgb: Tensor  # (B, H, H, 3) uint8
    depth: Tensor  # (B, H, H) float32, metres along the optical axis, inf for the sky
    normal: Tensor  # (B, H, H, 3) float32, camera space: x right, y up, z towards the viewer; 0 for the sky
    classes: Tensor  # (B, H, H) uint8 positions in CLASSES
    instances: Tensor  # (B, H, H) uint8, 0 is the background, k the k-th object from the left
    keypoints: tuple[
        tuple[Tensor, ...], ...
    ]  # per scene, per person (18, 3): x, y in pixels, 0 outside 1 hidden 2 seen


@dataclass(frozen=True)
class _View:
    """The rays of a batch: where the cameras are, and unit directions (B, 3, N)."""

    frames: Frames
    directions: Tensor
    screen: Tensor  # (2, N) position in the picture, -1..1


@dataclass(frozen=True)
class _Hits:
    """What each ray meets first, (B, N) or (B, 3, N)."""

    distance: Tensor
    row: Tensor  # of the primitive table, where `on_object`
    on_object: Tensor
    on_ground: Tensor
    on_wall: Tensor
    points: Tensor
    normals: Tensor


@torch.no_grad()
def render(
    scenes: Sequence[Scene], size: int = 128, *, supersample: int = 2, device: str | torch.device = "cpu"
) -> Render:
    """Draw scenes as pictures of size x size pixels, averaging supersample x supersample rays a pixel.

    A picture depends on its scene alone, not on the batch; other machines give the same pixels within 2/255.
    """
    place = torch.device(device)
    table, view = build_table(scenes, place), _view(scenes, size * supersample, place)
    hits = _cast(scenes, table, view)
    colour = _shade(scenes, table, view, hits)
    side = size * supersample
    rgb = avg_pool2d(colour.view(-1, 3, side, side), supersample)
    truth = _Truth(len(scenes), side, supersample)
    axes = view.frames.axes
    depth = hits.distance * -_dot(view.directions, axes[:, 2, :, None])
    depth = truth.at_pixels(torch.where(hits.distance < FAR, depth, torch.inf))
    instances = torch.where(hits.on_object, table.instance[hits.row.clamp_min(0)], 0)
    classes = torch.where(hits.on_object, table.class_id[hits.row.clamp_min(0)], SKY)
    classes = torch.where(hits.on_ground, GROUND, torch.where(hits.on_wall, WALL, classes))
    seen = truth.at_pixels(instances.to(torch.uint8))
    return Render(
        (rgb * 255).round().to(torch.uint8).permute(0, 2, 3, 1).contiguous(),
        depth,
        torch.stack([truth.at_pixels(component) for component in (axes @ hits.normals).unbind(1)], -1),
        truth.at_pixels(classes.to(torch.uint8)),
        seen,
        project_keypoints(scenes, view.frames, depth, seen),
    )


@dataclass(frozen=True)
class _Truth:
    """Ground truth is not averaged: a pixel takes the value of one ray at its centre."""

    num_scenes: int
    side: int
    supersample: int

    def at_pixels(self, values: Tensor) -> Tensor:
        start, step = self.supersample // 2, self.supersample
        return values.reshape(self.num_scenes, self.side, self.side)[:, start::step, start::step].contiguous()


def _view(scenes: Sequence[Scene], side: int, device: torch.device) -> _View:
    frames = camera_frames(scenes, device)
    right, up, backward = frames.axes.unbind(1)
    steps = (torch.arange(side, device=device) + 0.5) / side * 2 - 1
    y, x = (grid.flatten() for grid in torch.meshgrid(-steps, steps, indexing="ij"))
    towards = right[:, :, None] * x + up[:, :, None] * y - (backward * frames.focal[:, None])[:, :, None]
    return _View(frames, _unit(towards), torch.stack([x, y]))


def _cast(scenes: Sequence[Scene], table: Table, view: _View) -> _Hits:
    device, directions = view.frames.eye.device, view.directions
    to_object, row = first_hits(table, view.frames.eye, directions)
    down, away = directions[:, 1], directions[:, 2]
    to_ground = torch.where(down < -1e-4, view.frames.eye[:, 1:2] / (-down).clamp_min(1e-4), MISS)
    has_wall = torch.tensor([s.wall is not None for s in scenes], device=device)[:, None]
    wall = per_scene([s.wall_distance for s in scenes], device)[:, None]
    to_wall = torch.where(has_wall & (away > 1e-4), (wall - view.frames.eye[:, 2:3]) / away.clamp_min(1e-4), MISS)
    distance = torch.minimum(torch.minimum(to_object, to_ground), to_wall)
    is_near = distance < FAR
    on_object = is_near & (to_object <= distance)
    on_ground = is_near & ~on_object & (to_ground <= distance)
    on_wall = is_near & ~on_object & ~on_ground
    points = view.frames.eye[:, :, None] + directions * distance.clamp(max=FAR)[:, None]
    normals = torch.zeros_like(points)
    normals[:, 1] = on_ground.float()
    normals[:, 2] = -on_wall.float()
    _set_object_normals(table, row, on_object, points, normals)
    return _Hits(distance, row, on_object, on_ground, on_wall, points, normals)


def _set_object_normals(table: Table, row: Tensor, on_object: Tensor, points: Tensor, normals: Tensor) -> None:
    scene, ray = on_object.nonzero(as_tuple=True)
    rows = row[scene, ray]
    shapes = table.shape[rows]
    for shape in Shape:
        chosen = (shapes == int(shape)).nonzero()[:, 0]
        if len(chosen):
            b, n = scene[chosen], ray[chosen]
            point = (points[b, 0, n], points[b, 1, n], points[b, 2, n])
            normals[b, :, n] = normal(shape, table.parameters[rows[chosen]], point).T


def _shade(scenes: Sequence[Scene], table: Table, view: _View, hits: _Hits) -> Tensor:
    """Colour (B, 3, N) in [0, 1], gamma included: ambient light, one lamp with a soft shadow, gloss, haze."""
    device = view.frames.eye.device
    light = per_scene([s.light.tolist() for s in scenes], device)
    daylight = per_scene([s.background.daylight for s in scenes], device)[:, None, None]
    horizon = horizon_colour(scenes, device)[:, :, None]
    albedo, gloss = _albedo(scenes, table, hits)
    facing = _dot(hits.normals, light[:, :, None]).clamp_min(0)
    lit = facing * ~_shadow(table, view, hits, light, facing)
    halfway = _unit(light[:, :, None] - view.directions)
    shine = _dot(hits.normals, halfway).clamp_min(0) ** 40 * gloss * 0.8 * (lit > 0)
    grounding = 1 - 0.35 * torch.exp(-3.0 * hits.points[:, 1].clamp_min(0)) * hits.on_object
    ambient = (0.30 + 0.22 * (0.5 + 0.5 * hits.normals[:, 1])) * grounding
    warmth = torch.tensor([1.0, 0.97, 0.90], device=device)[:, None]
    colour = albedo * (ambient[:, None] * (0.75 + 0.25 * horizon) + 0.78 * lit[:, None] * warmth) * daylight
    colour = colour + (shine[:, None] * daylight)
    is_outdoor = per_scene([float(s.wall is None) for s in scenes], device)[:, None]
    haze = ((1 - torch.exp(-((hits.distance.clamp(max=FAR) / 26) ** 2))) * is_outdoor)[:, None]
    surface = (hits.on_object | hits.on_ground | hits.on_wall)[:, None]
    colour = torch.where(surface, colour * (1 - haze) + horizon * haze, sky_colour(scenes, view.directions))
    vignette = 1 - 0.07 * (view.screen**2).sum(0)
    return (colour.clamp(0, 1) * vignette) ** 0.9


def _albedo(scenes: Sequence[Scene], table: Table, hits: _Hits) -> tuple[Tensor, Tensor]:
    """Surface colour (B, 3, N) and gloss (B, N)."""
    device, points = hits.points.device, hits.points
    albedo = ground_colour(scenes, points[:, 0], points[:, 2], hits.distance.clamp(max=FAR))
    albedo = torch.where(hits.on_wall[:, None], wall_colours(scenes, device)[:, :, None], albedo)
    gloss = torch.full_like(hits.distance, 0.03)
    scene, ray = hits.on_object.nonzero(as_tuple=True)
    rows = hits.row[scene, ray]
    local = (points[scene, :, ray] - table.anchor[rows]).T
    share = pattern_share(table.pattern[rows], table.pattern_scale[rows], local)[:, None]
    first = table.colour[rows]
    albedo[scene, :, ray] = first * (1 - share) + (first * 0.45 + 0.02) * share
    gloss[scene, ray] = table.gloss[rows]
    return albedo, gloss


def _dot(a: Tensor, b: Tensor) -> Tensor:
    """Scalar products (B, N) of (B, 3, N) vectors; written out, since a sum over so short a dimension is slow."""
    return a[:, 0] * b[:, 0] + a[:, 1] * b[:, 1] + a[:, 2] * b[:, 2]


def _unit(vectors: Tensor) -> Tensor:
    return vectors * _dot(vectors, vectors).rsqrt()[:, None]


def _shadow(table: Table, view: _View, hits: _Hits, light: Tensor, facing: Tensor) -> Tensor:
    """Shadow (B, N) with a soft edge: neighbouring rays look at slightly different points of the lamp."""
    side = round(view.screen.shape[1] ** 0.5)
    index = torch.arange(side * side, device=light.device)
    sway = torch.stack([(index % side) % 2 - 0.5, torch.zeros_like(index) + 0.0, (index // side) % 2 - 0.5]) * 0.16
    lights = light[:, :, None] + sway
    origins = hits.points + hits.normals * 8e-3
    wanted = (hits.on_object | hits.on_ground | hits.on_wall) & (facing > 0) & (hits.distance < 40)
    return in_shadow(table, origins, lights, light, wanted)
