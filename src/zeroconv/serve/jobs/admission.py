"""What a request must keep to before it becomes a job: the server's limits, and names that are registered."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from zeroconv import conditions, fields
from zeroconv.errors import UserError
from zeroconv.request import ControlRequest, Request
from zeroconv.serve.models import Models
from zeroconv.serve.settings import Limits

_FILE_OPTIONS = ("weights", "detector", "keypoints", "mask", "device")
"""Options of conditions that name files, networks or devices of the server: only their defaults may be sent."""


def admitted(request: Request, base: str, models: Models, limits: Limits) -> Request:
    """The request with a registered ControlNet for every control; UserError for what is not granted here."""
    models.base(base)
    _check_limits(request, limits)
    for lora in request.loras:
        if not isinstance(lora.file, str):
            raise UserError("a LoRA is asked for by the name under which it is offered here")
        models.check_lora(lora.file, base)
    return replace(request, controls=tuple(_admitted_control(control, base, models) for control in request.controls))


def check_pixels(size: tuple[int, int], limits: Limits) -> None:
    """UserError for pictures that are too large."""
    if size[0] * size[1] > limits.pixels:
        raise UserError(f"size {size[0]}x{size[1]} is more than the {limits.pixels:,} pixels that are granted here")


def _check_limits(request: Request, limits: Limits) -> None:
    counts = {"steps": request.steps, "pictures": len(request.seeds), "controls": len(request.controls)}
    counts["loras"] = len(request.loras)
    for name, count in counts.items():
        most = getattr(limits, name)
        if count > most:
            raise UserError(f"{count} {name} are more than the {most} that are granted here")
    for name in ("prompt", "negative"):
        text = getattr(request, name)
        longest = max(map(len, [text] if isinstance(text, str) else text), default=0)
        if longest > limits.characters:
            raise UserError(f"the {name} has {longest:,} characters, more than the {limits.characters:,} granted here")
    if request.size is not None:
        check_pixels(request.size, limits)


def _admitted_control(control: ControlRequest, base: str, models: Models) -> ControlRequest:
    check_options(control.name, control.options)
    checkpoint: Any = control.checkpoint
    if checkpoint is None:
        return replace(control, checkpoint=models.controlnet_for(control.name, base))
    if not isinstance(checkpoint, str):
        raise UserError("a checkpoint is the name of a ControlNet that is offered here")
    models.check_controlnet(checkpoint, base)
    return control


def check_options(condition: str, options: Mapping[str, Any]) -> None:
    """UserError for a condition's option that would have a file or a network of the client's choice opened.

    To be called before a `ControlRequest` is made of options that a client sends.
    """
    extractor = conditions.kind(condition).extractor
    defaults = {} if extractor is None else {option.name: option.default for option in fields.options(extractor)}
    for name in _FILE_OPTIONS:
        if name in options and options[name] != defaults.get(name):
            raise UserError(f"{condition}: the option {name} is the server's to choose; leave it out")
