"""Another look for the embedded world: pictures in shades of two colours, and how far a picture is from it.

H, W pixels.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from zeroconv.evaluation.held_out import Picture
from zeroconv.images import save_png
from zeroconv.scenes import render, sample_scene
from zeroconv.scenes.export import METADATA, RENDERED_TOGETHER
from zeroconv.scenes.folder import write_lines

DARK = np.array([24.0, 32.0, 84.0])
LIGHT = np.array([252.0, 232.0, 196.0])
CONTRAST = 1.6
BRIGHTNESS = np.array([0.299, 0.587, 0.114])
SEED = 7
"""Of the scenes that the look is learnt from; the ControlNets learnt from those of seed 0."""


def duotone(picture: Picture) -> Picture:
    """The picture's brightness, with more contrast so that edges stay, as a mixture of DARK and LIGHT."""
    share = (CONTRAST * (picture @ BRIGHTNESS / 255 - 0.5) + 0.5).clip(0, 1)
    return _mixture(share).round().astype(np.uint8)


def distance(picture: Picture) -> float:
    """How far the colours are from the nearest mixtures of DARK and LIGHT: mean over pixels and channels, 0 to 255."""
    along = LIGHT - DARK
    nearest = _mixture(((picture - DARK) @ along / (along @ along)).clip(0, 1))
    return float(np.abs(picture - nearest).mean())


def write_pictures(folder: Path, count: int, size: int) -> None:
    """So many scenes in this look with their captions, as `zeroconv train --data` reads them; once for all."""
    if (folder / METADATA).exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    lines = []
    for start in range(0, count, RENDERED_TOGETHER):
        scenes = [sample_scene(SEED, index) for index in range(start, min(start + RENDERED_TOGETHER, count))]
        for scene, picture in zip(scenes, render(scenes, size=size).rgb.cpu().numpy(), strict=True):
            name = f"{scene.index:06d}.png"
            save_png(Image.fromarray(duotone(picture)), folder / name)
            lines.append({"file_name": name, "text": scene.caption})
    write_lines(folder / METADATA, lines)


def _mixture(share: NDArray[np.float64]) -> NDArray[np.float64]:
    """(H, W) in [0, 1] -> (H, W, 3) from DARK to LIGHT."""
    mixed: NDArray[np.float64] = DARK + share[..., None] * (LIGHT - DARK)
    return mixed
