"""The pictures that are measured, one at a time: of a folder, of a list, of a generator, or of the embedded world.

H, W pixels.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from zeroconv import scenes
from zeroconv.data.listing import LISTS, PICTURES, caption_beside, list_folder, pictures_in
from zeroconv.data.scenes import HELD_OUT_SEEDS
from zeroconv.errors import UserError
from zeroconv.evaluation.held_out import EVALUATION_SEED, Picture
from zeroconv.evaluation.study.pictures import is_by_product
from zeroconv.images import read_image, read_metadata, to_rgb

Generator = Callable[[str, int], "Image.Image | Picture"]
"""(prompt, seed) -> one picture."""

REFERENCE_SEED = EVALUATION_SEED + 2
"""Of the scenes that pictures of the embedded world are compared with: not those whose captions are drawn."""


@dataclass(frozen=True, eq=False)
class Pictures:
    """N pictures, each with its name, its caption (empty: none is known) and the seed it was drawn from, if known."""

    source: str
    """Where they come from, for people."""
    names: tuple[str, ...]
    captions: tuple[str, ...]
    seeds: tuple[int | None, ...]
    load: Callable[[int], Picture]
    """Number -> picture (H, W, 3); may take long, so it is asked once for each."""
    recipe: Mapping[str, Any] | None = None
    """What settles the pictures but for rounding, as plain JSON values; None: nothing but their pixels does."""

    def __len__(self) -> int:
        return len(self.names)

    def first(self, count: int | None) -> "Pictures":
        """The first `count`, two or more; all for None. UserError where there are fewer."""
        if count is None:
            return self
        if count < 2:
            raise UserError(f"at least 2 pictures are needed for an interval, got a count of {count}")
        if count > len(self):
            raise UserError(f"{self.source} has {len(self)} pictures, fewer than the count of {count}")
        return replace(self, names=self.names[:count], captions=self.captions[:count], seeds=self.seeds[:count])


def of_folder(folder: Path, prompts: Sequence[str] | None = None) -> Pictures:
    """The pictures of a folder and all below it, sorted by name, or as its list (metadata.jsonl, prompt.json) has them.

    prompts: one a picture in that order; None: those of the list, of text files beside the pictures, or of the record
    that `zeroconv generate` leaves in its pictures. UserError where there is no picture, or the prompts do not fit.
    """
    if not folder.is_dir():
        raise UserError(f"{folder} is no folder; expected a folder of pictures")
    files, known = _listed(folder) or (_found(folder), {})
    names = tuple(files)
    if prompts is not None and len(prompts) != len(names):
        raise UserError(f"{len(prompts)} prompts for the {len(names)} pictures of {folder}; expected one a picture")
    records = [_record(files[name]) for name in names]
    captions = prompts or [
        known.get(n) or caption_beside(files[n]) or r[0] for n, r in zip(names, records, strict=True)
    ]
    return Pictures(
        str(folder),
        names,
        tuple(captions),
        tuple(seed for _, seed in records),
        lambda number: np.asarray(read_image(files[names[number]])),
    )


def of_list(pictures: Sequence[Image.Image | Picture], prompts: Sequence[str] | None = None) -> Pictures:
    """Pictures at hand, of PIL or as uint8 (H, W, 3)."""
    captions = tuple(prompts or ("",) * len(pictures))
    if len(captions) != len(pictures):
        raise UserError(f"{len(captions)} prompts for {len(pictures)} pictures; expected one a picture")
    names = tuple(f"{number:06d}" for number in range(len(pictures)))
    return Pictures("a list", names, captions, (None,) * len(names), lambda number: _as_picture(pictures[number]))


def of_generator(generator: Generator, prompts: Sequence[str], seed: int = 0) -> Pictures:
    """One picture for each prompt, drawn when it is asked for; picture k from seed + k."""
    names = tuple(f"{number:06d}" for number in range(len(prompts)))
    seeds = tuple(seed + number for number in range(len(prompts)))
    return Pictures(
        getattr(generator, "__name__", type(generator).__name__),
        names,
        tuple(prompts),
        seeds,
        lambda number: _as_picture(generator(prompts[number], seeds[number])),
    )


def of_scenes(count: int, size: int, seed: int = REFERENCE_SEED) -> Pictures:
    """The first `count` scenes of `seed`, rendered at size x size pixels. UserError for a seed of training."""
    if seed < HELD_OUT_SEEDS:
        raise UserError(f"scenes of seeds below {HELD_OUT_SEEDS} may have been trained on, got the scenes' seed {seed}")
    sampled = [scenes.sample_scene(seed, index) for index in range(count)]
    return Pictures(
        f"scenes of seed {seed}",
        tuple(f"{number:06d}" for number in range(count)),
        tuple(scene.caption for scene in sampled),
        (None,) * count,
        lambda number: scenes.render(sampled[number : number + 1], size=size).rgb[0].cpu().numpy(),
        {"scenes": seed, "size": size},
    )


def read_prompts(file: Path) -> tuple[str, ...]:
    """One prompt a line of a UTF-8 text file; an empty line is an empty prompt. UserError where it cannot be read."""
    try:
        return tuple(line.strip() for line in file.read_text("utf-8-sig").splitlines())
    except FileNotFoundError as error:
        raise UserError(f"no prompts file {file}") from error
    except (UnicodeDecodeError, IsADirectoryError) as error:
        raise UserError(f"{file} is not a text file; expected a prompt a line") from error


def _listed(folder: Path) -> tuple[dict[str, Path], dict[str, str]] | None:
    """File and caption by name, of a folder with a list; None where it has none."""
    if not any((folder / name).is_file() for name in LISTS):
        return None
    entries = list_folder(folder, "custom").entries
    return {e.name: Path(str(e.picture)) for e in entries}, {e.name: e.caption for e in entries}


def _found(folder: Path) -> dict[str, Path]:
    """File by name, without what `zeroconv generate` writes beside its pictures. UserError where there is none."""
    files = [path for path in pictures_in(folder) if not is_by_product(path)]
    if not files:
        raise UserError(f"{folder} holds no picture (expected {', '.join(PICTURES)})")
    return {path.relative_to(folder).as_posix(): path for path in files}


def _record(path: Path) -> tuple[str, int | None]:
    """Prompt and seed in the record that `zeroconv generate` leaves in a PNG; ("", None) in any other file."""
    if path.suffix.lower() != ".png":
        return "", None
    try:
        record = json.loads(read_metadata(path).get("zeroconv", "{}"))
        return str(record.get("prompt", "")), record.get("seeds", [None])[0]
    except (ValueError, AttributeError, IndexError):
        return "", None


def _as_picture(picture: Image.Image | Picture) -> Picture:
    """UserError for what is neither a PIL picture nor uint8 (H, W, 3)."""
    if isinstance(picture, Image.Image):
        return np.asarray(to_rgb(picture))
    if not (
        isinstance(picture, np.ndarray) and picture.dtype == np.uint8 and picture.ndim == 3 and picture.shape[2] == 3
    ):
        came = f"{picture.dtype} {picture.shape}" if isinstance(picture, np.ndarray) else type(picture).__name__
        raise UserError(f"a generator must give a PIL picture or uint8 (H, W, 3); got {came}")
    return picture
