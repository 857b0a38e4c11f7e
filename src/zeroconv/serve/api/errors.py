"""Errors as clients get them: one JSON shape, {"error": {"code", "message", "field"?}}, whatever went wrong."""

import math
from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from zeroconv.errors import UserError
from zeroconv.serve.jobs import QueueFull
from zeroconv.serve.jobs.sentences import without_paths

_LONGEST = 500
"""Characters of a sentence, which may repeat what was sent."""
CODES = {
    400: "bad_request",
    401: "token_needed",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    408: "too_slow",
    409: "conflict",
    413: "too_large",
    415: "unsupported_type",
    421: "wrong_host",
    422: "invalid",
    429: "queue_full",
    500: "internal",
    503: "busy",
}


class ErrorDetail(BaseModel):
    """What went wrong."""

    code: str = Field(description="One word for programs.", examples=["invalid"])
    message: str = Field(
        description="One sentence for people.", examples=["strength of canny must be a number, not 'x'"]
    )
    field: str | None = Field(None, description="Which field of the request, where it is one.", examples=["controls.0"])


class ErrorBody(BaseModel):
    """Every answer that is not what was asked for."""

    error: ErrorDetail


class FieldError(UserError):
    """A mistake in one field of a request."""

    def __init__(self, field: str, sentence: str) -> None:
        """field: names and numbers joined by dots, as controls.0.image."""
        super().__init__(sentence)
        self.field = field


def error_response(
    status: int, message: str, *, field: str | None = None, headers: Mapping[str, str] | None = None
) -> JSONResponse:
    """The answer to a request that cannot be served."""
    detail = {"code": CODES.get(status, "error"), "message": without_paths(message)[:_LONGEST]}
    return JSONResponse({"error": {**detail, **({"field": field} if field else {})}}, status, dict(headers or {}))


def add_handlers(app: FastAPI) -> None:
    """Every error of the application in the one shape."""
    app.add_exception_handler(UserError, _user_error)
    app.add_exception_handler(QueueFull, _queue_full)
    app.add_exception_handler(RequestValidationError, _validation_error)
    app.add_exception_handler(HTTPException, _http_exception)
    app.add_exception_handler(Exception, _internal)


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """For OpenAPI: these answers have the one shape."""
    sentences = {429: "No room: Retry-After says in how many seconds there will be."}
    return {s: {"model": ErrorBody, "description": sentences.get(s, CODES[s].replace("_", " "))} for s in statuses}


async def _user_error(request: Request, error: Exception) -> JSONResponse:
    return error_response(422, str(error), field=getattr(error, "field", None))


async def _queue_full(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, QueueFull)
    return error_response(429, str(error), headers={"Retry-After": str(math.ceil(error.retry_after))})


async def _validation_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    return error_response(422, str(first["msg"]), field=".".join(map(str, first["loc"][1:])))


async def _http_exception(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    return error_response(error.status_code, str(error.detail), headers=error.headers)


async def _internal(request: Request, error: Exception) -> JSONResponse:
    return error_response(500, "an error of the server, which is in its log")
