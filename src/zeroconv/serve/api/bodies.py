"""What OpenAPI says of bodies that are read by hand, with examples."""

from typing import Any

from pydantic import BaseModel

from zeroconv.serve.api.errors import documented
from zeroconv.serve.api.schema import PIXEL, AnnotateBody, GenerateBody

_REQUEST: dict[str, Any] = {
    "schema": 1,
    "base": "tiny",
    "prompt": "a red house under a blue sky",
    "controls": [{"condition": "canny", "image": PIXEL, "strength": 0.8, "options": {"low": 50, "high": 120}}],
    "seeds": [0, 1],
    "steps": 20,
    "size": [128, 128],
}
_EXAMPLES: dict[str, Any] = {
    "controlled": {"summary": "Two pictures along the edges of one", "value": _REQUEST},
    "prompt": {"summary": "A picture from words alone", "value": {"prompt": "a green tree", "steps": 8}},
}
_ANNOTATION = {"edges": {"value": {"condition": "canny", "image": PIXEL, "options": {"low": 50, "high": 120}}}}


def _body(model: type[BaseModel], examples: dict[str, Any]) -> dict[str, Any]:
    schema = model.model_json_schema(ref_template=f"#/components/schemas/{model.__name__}/$defs/{{model}}")
    form = {"type": "object", "required": ["request"], "properties": {"request": {"type": "string"}}}
    described = "The part `request` is the JSON; other parts are pictures, which it names."
    content = {
        "application/json": {"schema": _inlined(schema), "examples": examples},
        "multipart/form-data": {"schema": {**form, "description": described}},
    }
    return {"requestBody": {"required": True, "content": content}}


def _inlined(schema: dict[str, Any]) -> dict[str, Any]:
    """A schema with its definitions in their places: they are not recursive."""
    definitions = schema.pop("$defs", {})

    def resolved(node: Any) -> Any:
        if isinstance(node, list):
            return [resolved(each) for each in node]
        if not isinstance(node, dict):
            return node
        if "$ref" in node:
            return resolved(definitions[node["$ref"].rpartition("/")[2]])
        return {name: resolved(each) for name, each in node.items()}

    inlined: dict[str, Any] = resolved(schema)
    return inlined


_PICTURE: dict[int | str, Any] = {200: {"content": {"image/png": {}}, "description": "A PNG."}}
_STREAM = {"text/event-stream": {"schema": {"type": "string"}, "example": 'event: job\ndata: {"job": {...}}\n\n'}}

GENERATE: dict[str, Any] = {
    "openapi_extra": _body(GenerateBody, _EXAMPLES),
    "responses": documented(400, 408, 415),
}
ANNOTATE: dict[str, Any] = {
    "openapi_extra": _body(AnnotateBody, _ANNOTATION),
    "responses": {**documented(400, 408, 415), 200: {"content": {"image/png": {}}}},
}
EVENTS: dict[str, Any] = {
    "responses": {**documented(404), 200: {"content": _STREAM, "description": "News of the job."}},
}
PNG: dict[str, Any] = {"responses": {**documented(404), **_PICTURE}}
