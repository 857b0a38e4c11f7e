"""`--prompts FILE`: one prompt a line, or one JSON object a line with prompt, negative and seed."""

import json
from pathlib import Path
from typing import Any

from zeroconv.errors import UserError, nearest

_FIELDS = ("prompt", "negative", "seed")


def prompts_of_file(
    path: Path, seeds: tuple[int, ...] | None, num_images: int | None, negative: str | None
) -> dict[str, Any]:
    """Prompts, negative prompts and seeds of each picture, as `Request` takes them.

    Every line is for `num_images` pictures; where a line names no seed they are counted on from the first of `seeds`.
    """
    lines = _read(path)
    if seeds is not None and len(seeds) > 1:
        raise UserError("--seed with several numbers cannot go with --prompts; write a seed into the file's lines")
    each, first = 1 if num_images is None else num_images, seeds[0] if seeds else 0
    if each < 1:
        raise UserError(f"--num-images must be 1 or more, not {each}")
    rows = [
        (line["prompt"], line.get("negative", negative or ""), line.get("seed", first + number * each) + picture)
        for number, line in enumerate(lines)
        for picture in range(each)
    ]
    prompts, negatives, numbers = zip(*rows, strict=True)
    return {"prompt": prompts, "negative": negatives, "seeds": numbers}


def _read(path: Path) -> list[dict[str, Any]]:
    try:
        lines = path.read_text("utf-8").splitlines()
    except FileNotFoundError as error:
        raise UserError(f"no prompts file {path}") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is not a text file; expected a prompt a line") from error
    read = [_line(line.strip(), f"{path}, line {number}") for number, line in enumerate(lines, 1) if line.strip()]
    if not read:
        raise UserError(f"{path} holds no prompt")
    return read


def _line(line: str, of: str) -> dict[str, Any]:
    if not line.startswith("{"):
        return {"prompt": line}
    try:
        found = json.loads(line)
    except json.JSONDecodeError as error:
        raise UserError(f"{of} is not valid JSON: {error}") from error
    for key in found:
        if key not in _FIELDS:
            raise UserError(f"{of} has an unknown field {key!r}; {nearest(key, _FIELDS)}")
    texts = [found.get("prompt"), found.get("negative", "")]
    seed = found.get("seed", 0)
    if not all(isinstance(text, str) for text in texts) or not isinstance(seed, int) or isinstance(seed, bool):
        raise UserError(f"{of}: expected a prompt, and perhaps a negative prompt and a whole number as seed")
    return dict(found)
