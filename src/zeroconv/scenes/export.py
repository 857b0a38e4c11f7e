"""Scenes as a folder that Hugging Face `datasets` reads as "imagefolder", each with its caption and condition images.

DIR/metadata.jsonl     file_name, text, one <condition>_file_name each, seed, index, objects
DIR/image/000000.png   the pictures;  DIR/<condition>/000000.png   their condition images
DIR/export.json        what the folder holds, so that an interrupted export continues and no two sets mix
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from zeroconv import conditions
from zeroconv.errors import UserError
from zeroconv.images import save_png
from zeroconv.scenes.folder import claim, refuse_to_shrink, write_lines
from zeroconv.scenes.renderer import render
from zeroconv.scenes.truth import CONDITIONS, condition_images
from zeroconv.scenes.world import Scene, sample_scene

METADATA = "metadata.jsonl"
PICTURES = "image"
SMALLEST_SIZE, LARGEST_SIZE = 16, 2048

RENDERED_TOGETHER = 8
"""Scenes per call of the renderer: its overhead is shared, its memory stays small."""


@dataclass(frozen=True)
class SceneExport:
    """Which scenes are written, and with which condition images."""

    count: int
    seed: int = 0
    size: int = 128
    """Pixels; pictures are square."""
    conditions: tuple[str, ...] = tuple(CONDITIONS)

    def __post_init__(self) -> None:
        if self.count < 1:
            raise UserError(f"expected at least one scene; got a count of {self.count}")
        if not SMALLEST_SIZE <= self.size <= LARGEST_SIZE:
            raise UserError(f"expected a size from {SMALLEST_SIZE} to {LARGEST_SIZE} pixels; got {self.size}")
        wanted = {conditions.canonical(name) for name in self.conditions}
        object.__setattr__(self, "conditions", tuple(name for name in CONDITIONS if name in wanted))

    def paths(self, index: int) -> dict[str, Path]:
        """Where each picture of scene `index` lies, relative to the folder, by what it shows."""
        return {kind: Path(kind) / f"{index:06d}.png" for kind in (PICTURES, *self.conditions)}


def export_scenes(folder: Path, export: SceneExport) -> Iterator[int]:
    """Write the export to `folder`; yields how many scenes are done, whenever more are.

    Pictures that are already there are kept, so an interrupted export continues, and a larger count adds scenes. The
    metadata is written last and in one step: a folder with metadata is complete. UserError where the folder holds
    something else.
    """
    settings = {"kind": "scenes", "seed": export.seed, "size": export.size, "conditions": list(export.conditions)}
    claim(folder, settings)
    refuse_to_shrink(folder, folder / METADATA, export.count)
    for kind in (PICTURES, *export.conditions):
        (folder / kind).mkdir(exist_ok=True)
    missing = [i for i in range(export.count) if not all((folder / p).is_file() for p in export.paths(i).values())]
    yield export.count - len(missing)
    for start in range(0, len(missing), RENDERED_TOGETHER):
        indices = missing[start : start + RENDERED_TOGETHER]
        _write_pictures(folder, export, [sample_scene(export.seed, index) for index in indices])
        yield export.count - len(missing) + start + len(indices)
    write_lines(folder / METADATA, (_row(export, index) for index in range(export.count)))


def _write_pictures(folder: Path, export: SceneExport, scenes: Sequence[Scene]) -> None:
    rendered = render(scenes, size=export.size)
    pictures: dict[str, NDArray[np.uint8]] = {PICTURES: rendered.rgb.numpy()}
    pictures |= {name: condition_images(name, rendered, scenes) for name in export.conditions}
    for position, scene in enumerate(scenes):
        for kind, path in export.paths(scene.index).items():
            save_png(Image.fromarray(pictures[kind][position]), folder / path)


def _row(export: SceneExport, index: int) -> dict[str, Any]:
    scene, paths = sample_scene(export.seed, index), export.paths(index)
    files = {f"{name}_file_name": paths[name].as_posix() for name in export.conditions}
    facts = {"seed": scene.seed, "index": scene.index, "objects": [thing.description for thing in scene.objects]}
    return {"file_name": paths[PICTURES].as_posix(), "text": scene.caption, **files, **facts}
