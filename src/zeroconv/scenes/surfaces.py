"""Colours of ground, walls, sky and patterned objects: soft procedural textures in plain torch.

Letters: B scenes, N points a scene, K points on objects. Colours are linear RGB in [0, 1].
"""

from collections.abc import Sequence
from functools import lru_cache

import torch
from torch import Tensor
from torch.nn.functional import interpolate, pad

from zeroconv.scenes.solids import Pattern
from zeroconv.scenes.vocabulary import WALL_COLOURS
from zeroconv.scenes.world import Scene

_SIZE = 256


@lru_cache(maxsize=4)
def _noise(device: str) -> Tensor:
    """Tileable smooth noise (256 * 256,) in [0, 1]: the same table on every machine."""
    generator, total = torch.Generator().manual_seed(0), torch.zeros(1, 1, _SIZE, _SIZE)
    for octave in range(4):
        cells = 4 * 2**octave
        zoom = _SIZE // cells
        coarse = pad(torch.rand(1, 1, cells, cells, generator=generator), (1, 1, 1, 1), mode="circular")
        smooth = interpolate(coarse, scale_factor=zoom, mode="bicubic")
        total += smooth[:, :, zoom:-zoom, zoom:-zoom] * 0.5**octave
    return ((total - total.min()) / (total.max() - total.min())).flatten().to(device)


def texture(u: Tensor, v: Tensor) -> Tensor:
    """Noise in [0, 1] at (u, v); repeats every 256."""
    column, row = u.remainder(_SIZE).long().clamp_(0, _SIZE - 1), v.remainder(_SIZE).long().clamp_(0, _SIZE - 1)
    return _noise(str(u.device))[row * _SIZE + column]


def per_scene(values: Sequence[object], device: torch.device) -> Tensor:
    """A row of numbers for each scene -> (B, ...) float32."""
    return torch.tensor(values, dtype=torch.float32, device=device)


def wall_colours(scenes: Sequence[Scene], device: torch.device) -> Tensor:
    """Colour of each scene's wall (B, 3), black outdoors."""
    return per_scene([WALL_COLOURS[s.wall] if s.wall else (0.0, 0.0, 0.0) for s in scenes], device)


def ground_colour(scenes: Sequence[Scene], x: Tensor, z: Tensor, distance: Tensor) -> Tensor:
    """Colour (B, 3, N) of the ground at x, z (B, N); detail fades with the distance from the eye."""
    device = x.device
    offset = per_scene([(s.seed * 7.3 + s.index * 13.7) % 50 for s in scenes], device)[:, None]
    is_studio = torch.tensor([s.background.name == "studio" for s in scenes], device=device)
    has_planks = torch.tensor([s.background.has_planks for s in scenes], device=device)[:, None]
    soft = ((texture((x + offset) * 14, (z + offset) * 14) - 0.3) * 1.6).clamp(0, 1)
    board = ((x + offset) * 1.6).floor()
    seam = (((x + offset) * 1.6).remainder(1.0) < 0.05).float()
    planks = (texture(board * 37.7, z * 1.5 + board * 13) * 0.8 + seam * 0.5).clamp(0, 1)
    mix = torch.where(has_planks, planks, soft)
    fade = (distance / 24).clamp(0, 1)
    mix = mix * (1 - fade) + 0.5 * fade
    first = per_scene([s.background.ground[0] for s in scenes], device)
    second = per_scene([s.background.ground[1] for s in scenes], device)
    colour = first[:, :, None] * (1 - mix[:, None]) + second[:, :, None] * mix[:, None]
    return torch.where(is_studio[:, None, None], wall_colours(scenes, device)[:, :, None], colour)


def sky_colour(scenes: Sequence[Scene], directions: Tensor) -> Tensor:
    """Colour (B, 3, N) of the sky seen along directions (B, 3, N): a gradient, with clouds where there are any."""
    device = directions.device
    zenith = per_scene([s.background.sky[0] for s in scenes], device)[:, :, None]
    horizon = per_scene([s.background.sky[1] for s in scenes], device)[:, :, None]
    clouds = per_scene([s.background.clouds for s in scenes], device)[:, None]
    offset = per_scene([(s.index * 9.1) % 50 for s in scenes], device)[:, None]
    up = directions[:, 1].clamp_min(0)
    height = (up * 2.6).clamp(0, 1)[:, None] ** 0.7
    flatten = 14 / (up + 0.22)
    veil = texture(directions[:, 0] * flatten + offset * 7, directions[:, 2] * flatten + offset * 3)
    veil = (((veil - 0.46) * 2.6).clamp(0, 1) * clouds)[:, None]
    return (horizon * (1 - height) + zenith * height) * (1 - veil) + veil


def horizon_colour(scenes: Sequence[Scene], device: torch.device) -> Tensor:
    """Colour (B, 3) the distance fades into and the shadows are tinted with."""
    return per_scene([s.background.sky[1] for s in scenes], device)


def pattern_share(pattern: Tensor, scale: Tensor, local: Tensor) -> Tensor:
    """Share (K,) in [0, 1] of the second, darker colour at points local (3, K) relative to the object's place."""
    x, y, z = local
    stripes = ((y * scale).remainder(1.0) < 0.5).float()
    checks = ((x * scale + 20.25).floor() + (y * scale + 0.01).floor() + (z * scale + 20.25).floor()).remainder(2)
    bricks = ((y * 5).remainder(1.0) < 0.1).float() * 0.25
    leaves = ((texture(x * 40 + 9, y * 40 + z * 30) - 0.35) * 1.2).clamp(0, 0.8)
    share = torch.zeros_like(y)
    known = {Pattern.STRIPED: stripes, Pattern.CHECKERED: checks, Pattern.BRICKS: bricks, Pattern.LEAVES: leaves}
    for name, values in known.items():
        share = torch.where(pattern == int(name), values, share)
    return share
