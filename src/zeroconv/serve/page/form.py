"""What the form holds, as the request that it stands for."""

import json
import math
import re
from dataclasses import dataclass
from typing import Any

from zeroconv.errors import UserError
from zeroconv.images import check_fit
from zeroconv.request import Request
from zeroconv.request.prompt_mode import check_prompt_mode
from zeroconv.request.speed import check_speed
from zeroconv.serve.models import Models
from zeroconv.serve.page.controls import Reader
from zeroconv.serve.page.loras import loras_of
from zeroconv.serve.page.start import start_of
from zeroconv.serve.settings import Limits

OWN_SCHEDULER = "the base's own"


@dataclass(frozen=True)
class Form:
    """The fields as they stand on the page, in its order."""

    prompt: str
    negative: str
    base: str
    size: str
    """WIDTHxHEIGHT; empty leaves it to the first control, or to the base."""
    steps: float
    guidance: str
    """A number; empty: the base's own."""
    scheduler: str
    speed: str
    fit: str
    """What becomes of a picture of another shape."""
    prompt_mode: str
    seeds: str
    """One number, from which it is counted up, or one a picture."""
    count: float
    loras: str
    """JSON: the LoRAs and their strengths."""
    stack: str
    """JSON: the controls, which of them has no picture yet, and the picture to start from."""


def request_of(form: Form, models: Models, limits: Limits) -> Request:
    """The request; UserError for what cannot be meant."""
    size, (controls, start) = size_of(form.size), _stack(form.stack)
    started = start_of(start, limits)
    shape = started["image"].size if started else None
    return Request(
        prompt=form.prompt or "",
        controls=Reader(models, limits, form.base, size, shape).controls(controls),
        negative=form.negative or "",
        steps=whole(form.steps, "steps"),
        guidance=_guidance(form.guidance),
        seeds=seeds_of(form.seeds, whole(form.count, "the number of pictures"), limits.pictures),
        size=size,
        scheduler=None if form.scheduler in ("", OWN_SCHEDULER, None) else form.scheduler,
        speed=check_speed(form.speed),
        fit=check_fit(form.fit),
        prompt_mode=check_prompt_mode(form.prompt_mode),
        loras=loras_of(form.loras),
        **started,
    )


def size_of(text: object) -> tuple[int, int] | None:
    """512x768 -> (512, 768); None for an empty text."""
    text = str(text or "").strip()
    if not text:
        return None
    match = re.fullmatch(r"(\d{1,5})\s*[xX]\s*(\d{1,5})", text)
    if match is None:
        raise UserError(f"the size must be WIDTHxHEIGHT, as 512x768, or empty, not {text!r}")
    return int(match[1]), int(match[2])


def seeds_of(text: str, count: int, most: int) -> tuple[int, ...]:
    """7 and three pictures -> 7, 8, 9; 7/7/9 as they stand."""
    parts = [part for part in re.split(r"[/,;\s]+", str(text or "").strip()) if part] or ["0"]
    if not all(re.fullmatch(r"\d{1,19}", part) for part in parts):
        raise UserError(f"seeds must be whole numbers, as 7 or 7/8/9, not {text!r}")
    if not 1 <= max(count, len(parts)) <= most:
        raise UserError(f"the number of pictures must be 1 to {most}, not {max(count, len(parts))}")
    if len(parts) == 1:
        return tuple(range(int(parts[0]), int(parts[0]) + count))
    if count not in (1, len(parts)):
        raise UserError(f"there are {len(parts)} seeds for {count} pictures; give one seed, or one for each picture")
    return tuple(map(int, parts))


def _stack(text: str) -> tuple[Any, Any]:
    """The controls and the picture to start from, not checked yet."""
    try:
        stack = json.loads(text or "{}")
        missing, controls, start = stack.get("missing"), stack.get("controls", []), stack.get("start")
    except (ValueError, AttributeError, RecursionError) as error:
        raise UserError("the controls cannot be read: load the page again") from error
    if missing is not None:
        raise UserError(f"control {missing} has no picture yet: give one, draw one, or remove the control")
    return controls, start


def _guidance(text: object) -> float | None:
    text = str(text or "").strip()
    try:
        return float(text) if text else None
    except ValueError as error:
        raise UserError(f"the guidance must be a number, as 7.5, or empty, not {text!r}") from error


def whole(value: object, of: str) -> int:
    """The number; UserError where it is none, or has a fraction."""
    if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value) or value % 1:
        raise UserError(f"{of} must be a whole number, not {value!r}")
    return int(value)
