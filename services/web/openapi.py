"""What the OpenAPI document says of requests and responses that handlers read and write themselves."""

import copy
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from services.web.bodies import FORM, JSON
from services.web.context import LONGEST_S, TIMEOUT_HEADER
from services.web.problems import MEDIA_TYPE

NDJSON, EVENTS = "application/x-ndjson", "text/event-stream"

_PROBLEMS = {
    400: "The gateway cannot work with the request: the violations name the fields.",
    401: "No token came, or one that is not known.",
    403: "The token lacks the scope `analyse`.",
    404: "There is no such thing.",
    405: "This path has other methods.",
    408: "The body came too slowly.",
    409: "The job is not done yet.",
    413: "The request is too large.",
    415: "The body is of another type.",
    422: "The request has another form than this document describes: the violations name the fields.",
    429: "Too much is in work: Retry-After says how long to wait.",
    500: "A fault of the services: report it with the request id.",
    503: "The gateway is not reachable or shutting down: send the request again.",
    504: "It took longer than X-Timeout-S allows.",
}
_ANY = (401, 403, 429, 500, 503, 504)
_BODY = (400, 404, 408, 413, 415, 422)
_EXAMPLES: Mapping[int, Mapping[str, Any]] = {
    400: {
        "type": "about:blank",
        "title": "Bad Request",
        "status": 400,
        "detail": "the bytes are no picture of a known format: send a PDF, TIFF, JPEG or PNG",
        "code": "INVALID_ARGUMENT",
        "request_id": "5b0f6e1f9c7a4f0d8f3a2f1f0e9d8c7b",
        "violations": [{"field": "document", "description": "the bytes are no picture of a known format"}],
        "retry_after_s": None,
    },
    429: {
        "type": "about:blank",
        "title": "Too Many Requests",
        "status": 429,
        "detail": "the queue is full: send the call again in 2 seconds",
        "code": "RESOURCE_EXHAUSTED",
        "request_id": "5b0f6e1f9c7a4f0d8f3a2f1f0e9d8c7b",
        "violations": [],
        "retry_after_s": 1.7,
    },
}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The responses of an operation that has these problems; those that every operation has are always among them."""
    return {status: _problem(status) for status in sorted({*statuses, *_ANY})}


def body_problems() -> dict[int | str, dict[str, Any]]:
    """Those of an operation with a body."""
    return problems(*_BODY)


def operation(
    model: type[BaseModel], fields: type[BaseModel], files: Mapping[str, str], example: Mapping[str, Any]
) -> dict[str, Any]:
    """The extra of a route whose body is JSON of `model`, or a form of `fields` and files with these descriptions."""
    json_body = {"schema": _inlined(model), "example": example}
    return {"requestBody": _body({JSON: json_body, FORM: _form(fields, files)}), "parameters": [_TIMEOUT]}


def form_operation(files: Mapping[str, str]) -> dict[str, Any]:
    """The same of one that takes a form of files only."""
    return {"requestBody": _body({FORM: _form(BaseModel, files)}), "parameters": [_TIMEOUT]}


_TIMEOUT = {
    "name": TIMEOUT_HEADER,
    "in": "header",
    "description": "Seconds that the call may take.",
    "schema": {"type": "number", "exclusiveMinimum": 0, "maximum": LONGEST_S},
    "example": 30,
}
TIMEOUT = {"parameters": [_TIMEOUT]}


def _body(content: Mapping[str, Any]) -> dict[str, Any]:
    return {"required": True, "content": content}


def _form(fields: type[BaseModel], files: Mapping[str, str]) -> dict[str, Any]:
    schema: dict[str, Any] = _inlined(fields) if fields is not BaseModel else {"type": "object"}
    schema["properties"] = {name: _file(text) for name, text in files.items()} | schema.get("properties", {})
    schema["required"] = [*files]
    schema["additionalProperties"] = False
    return {"schema": schema}


def _file(text: str) -> dict[str, Any]:
    one: dict[str, Any] = {"type": "string", "format": "binary", "description": text}
    return one if not text.startswith("1 to") else {"type": "array", "items": one, "minItems": 1, "description": text}


def _problem(status: int) -> dict[str, Any]:
    content: dict[str, Any] = {"schema": {"$ref": "#/components/schemas/Problem"}}
    if status in _EXAMPLES:
        content["example"] = _EXAMPLES[status]
    found: dict[str, Any] = {"description": _PROBLEMS[status], "content": {MEDIA_TYPE: content}}
    if status in (429, 503):
        text = "Whole seconds to wait; missing where nobody knows."
        found["headers"] = {"Retry-After": {"description": text, "schema": {"type": "integer", "minimum": 0}}}
    return found


def _inlined(model: type[BaseModel]) -> dict[str, Any]:
    """Its JSON schema, without references to definitions that FastAPI does not know of."""
    schema = copy.deepcopy(model.model_json_schema())
    definitions = schema.pop("$defs", {})

    def inline(node: Any) -> Any:
        if isinstance(node, dict):
            if "$ref" in node:
                others = {key: value for key, value in node.items() if key != "$ref"}
                return inline(definitions[node["$ref"].rpartition("/")[2]]) | others
            return {key: inline(value) for key, value in node.items()}
        return [inline(each) for each in node] if isinstance(node, list) else node

    inlined: dict[str, Any] = inline(schema)
    return inlined
