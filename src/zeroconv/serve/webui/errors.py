"""Errors in webui's shape, {"error", "detail", "body", "errors"}, of which its clients read `detail` or `errors`."""

import math
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from zeroconv.errors import UserError
from zeroconv.serve.jobs import QueueFull
from zeroconv.serve.jobs.sentences import without_paths


class ErrorAnswer(BaseModel):
    """What is answered where there is nothing else."""

    error: str = Field(description="Kind of the error.", examples=["UserError"])
    detail: str = Field(description="One sentence.", examples=["there is no sampler 'Eular' here"])
    body: str = ""
    errors: str = Field(description="The sentence again, where other versions have it.")


class WebuiRoute(APIRoute):
    """An address whose errors have webui's shape."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The address's own handler, with errors answered."""
        handler = super().get_route_handler()

        async def answered(request: Request) -> Response:
            try:
                return await handler(request)
            except QueueFull as error:
                return _answer(429, error, {"Retry-After": str(math.ceil(error.retry_after))})
            except UserError as error:
                return _answer(422, error)
            except RequestValidationError as error:
                first = error.errors()[0]
                field = ".".join(str(part) for part in first["loc"][1:])[:200]
                return _answer(422, UserError(f"{field}: {first['msg']}" if field else str(first["msg"])))
            except HTTPException as error:
                return _answer(error.status_code, UserError(str(error.detail)), error.headers)

        return answered


def _answer(status: int, error: Exception, headers: Mapping[str, str] | None = None) -> JSONResponse:
    sentence = without_paths(str(error))
    shape = ErrorAnswer(error=type(error).__name__, detail=sentence, errors=sentence)
    return JSONResponse(shape.model_dump(), status, dict(headers or {}))
