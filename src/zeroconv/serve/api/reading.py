"""A request body into a `Request`: JSON or a form, checked against the schema, pictures unpacked."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from fastapi import Request as HttpRequest
from pydantic import BaseModel, ValidationError
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException

from zeroconv.errors import nearest
from zeroconv.request import ControlRequest, Lora, Request
from zeroconv.serve.api.errors import FieldError
from zeroconv.serve.api.schema import CAME, ControlBody, GenerateBody, LoraBody
from zeroconv.serve.api.uploads import picture
from zeroconv.serve.jobs.admission import check_options
from zeroconv.serve.settings import Limits

_PARTS = 64
"""Parts of a form: more than any request has pictures."""
_PARTS_OF_A_REQUEST: Mapping[str, type[BaseModel]] = {"controls": ControlBody, "loras": LoraBody}
_Read = TypeVar("_Read", bound=BaseModel)


async def read_body(http: HttpRequest, limits: Limits) -> tuple[bytes, dict[str, bytes]]:
    """The JSON text of a request and, of a form, its other parts by name. The guard has checked the size."""
    kind = http.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "multipart/form-data":
        return await _read_form(http, limits)
    if kind != "application/json":
        raise HTTPException(415, "expected application/json or multipart/form-data")
    return await http.body(), {}


async def _read_form(http: HttpRequest, limits: Limits) -> tuple[bytes, dict[str, bytes]]:
    try:
        async with http.form(max_files=_PARTS, max_fields=_PARTS, max_part_size=limits.body_bytes) as form:
            parts = {name: await _bytes(value) for name, value in form.multi_items()}
    except (MultiPartException, HTTPException, KeyError, ValueError) as error:
        raise HTTPException(400, "the form is damaged or has too many parts") from error
    if "request" not in parts:
        raise FieldError("request", "expected a part named request that holds the request as JSON")
    return parts.pop("request"), parts


async def _bytes(value: UploadFile | str) -> bytes:
    return value.encode("utf-8", "surrogateescape") if isinstance(value, str) else await value.read()


def parsed(text: bytes, model: type[_Read]) -> _Read:
    """JSON text by a schema. FieldError names the first field that does not fit."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise HTTPException(400, "the body is not valid JSON") from error
    if not isinstance(found, dict):
        raise HTTPException(422, "expected a JSON object")
    try:
        return model.model_validate(found)
    except ValidationError as error:
        raise _field_error(error, model, found) from error


def _field_error(error: ValidationError, model: type[BaseModel], found: Any) -> FieldError:
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    place = _place(first["loc"], found)
    if first["type"] == "extra_forbidden":
        owner = model if len(place) == 1 else _PARTS_OF_A_REQUEST.get(place[0], model)
        known = [each.alias or name for name, each in owner.model_fields.items() if each.description != CAME]
        return FieldError(
            ".".join(place)[:200], f"unknown field {place[-1][:100]!r}; {nearest(place[-1][:100], known)}"
        )
    return FieldError(".".join(place)[:200], f"{'.'.join(place)[:200]}: {first['msg']}")


def _place(location: Sequence[str | int], found: Any) -> list[str]:
    """Where in what was sent the error is: pydantic's location without the names of its types."""
    place = []
    for part in location:
        if not isinstance(found, dict if isinstance(part, str) else list):
            break
        place.append(str(part))
        found = found.get(part) if isinstance(found, dict) else found[int(part)]
    return place


def generation(body: GenerateBody, parts: Mapping[str, bytes], limits: Limits) -> Request:
    """What is asked for; UserError for values no base could work with."""
    for name in ("prompt", "negative"):
        check_text(getattr(body, name), name)
    controls = [
        _control(control, f"controls.{at}", parts, limits) for at, control in enumerate(_controls(body, limits))
    ]
    given: dict[str, Any] = {
        name: getattr(body, name)
        for name in ("steps", "guidance", "scheduler", "fit", "paste", "feather", "denoise", "prompt_mode", "speed")
    }
    return Request(
        prompt=_plain(body.prompt),
        negative=_plain(body.negative),
        controls=tuple(controls),
        seeds=tuple(body.seeds),
        size=None if body.size is None else (body.size[0], body.size[1]),
        image=None if body.image is None else picture(body.image, parts, limits, "image"),
        mask=None if body.mask is None else picture(body.mask, parts, limits, "mask"),
        loras=tuple(Lora(lora.file, lora.strength) for lora in body.loras or ()),
        **given,
    )


def base_name(body: GenerateBody, default: str) -> str:
    """The base that a request names."""
    named = body.base if isinstance(body.base, str) else body.base and body.base.name
    return named or default


def _controls(body: GenerateBody, limits: Limits) -> list[ControlBody]:
    controls = body.controls or []
    if len(controls) > limits.controls:  # before any picture is unpacked
        raise FieldError("controls", f"{len(controls)} controls are more than the {limits.controls} granted here")
    return controls


def _control(body: ControlBody, field: str, parts: Mapping[str, bytes], limits: Limits) -> ControlRequest:
    check_options(body.condition, body.options)
    given: dict[str, Any] = {
        name: getattr(body, name)
        for name in ("start", "end", "window", "conditional_only", "feather", "ready", "checkpoint", "options")
    }
    given |= {name: _plain(getattr(body, name)) for name in ("strength", "schedule", "weights")}
    mask = None if body.mask is None else picture(body.mask, parts, limits, f"{field}.mask")
    return ControlRequest(body.condition, picture(body.image, parts, limits, f"{field}.image"), mask=mask, **given)


def _plain(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def check_text(texts: str | list[str], field: str) -> None:
    """FieldError for text that is no text: halves of characters, or control characters besides line ends and tabs."""
    for text in [texts] if isinstance(texts, str) else texts:
        if any((ord(sign) < 32 and sign not in "\n\r\t") or 0xD800 <= ord(sign) < 0xE000 for sign in text):
            raise FieldError(field, f"the {field} holds characters that are none")
