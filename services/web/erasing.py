"""POST /v1/erase: a file without its stamps."""

import asyncio
import base64
import json
from typing import Any

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from services.web import openapi
from services.web.bodies import FORM, JSON, check_files, content_type, only_file
from services.web.context import Context, Here, while_connected
from services.web.problems import Problem, problem
from services.web.requests import EraseFields, EraseRequest
from stamp2vec.cli.erasing import erased_page_row
from stamp2vec.client import calls
from stamp2vec.values import ErasedDocument, ErasedPage, InkColour, Outcome, Source, StampType

routes = APIRouter(tags=["documents"])

_BYTES = "application/octet-stream"
_FILES = {"file": "A PDF, TIFF, JPEG, PNG, WebP, BMP or JPEG 2000 file."}
_EXAMPLE = {
    "document": {
        "file": "pixel.bmp",
        "content": "Qk06AAAAAAAAADYAAAAoAAAAAQAAAAEAAAABABgAAAAAAAQAAAATCwAAEwsAAAAAAAAAAAAA////AA==",
    },
    "types": ["round"],
    "keep": ["page=1&stamp=2"],
}


class ErasedStampAnswer(BaseModel):
    """A stamp, and what became of it; its box is x1, y1, x2, y2 in pixels of the page."""

    box: list[float] = Field(min_length=4, max_length=4)
    score: float
    type: StampType
    ink_colour: InkColour | None
    source: Source
    outcome: Outcome
    left: float = Field(description="The share of its ink that is still there, 0 to 1.")
    reason: str = Field(description="Why, and what to do; empty for a stamp that is gone or was not selected.")


class ErasedPageAnswer(BaseModel):
    """A page, or the error for which it stayed as it was."""

    page: int = Field(description="From 0.")
    label: str | None
    width: int
    height: int
    warnings: list[str]
    stamps: list[ErasedStampAnswer]
    error: Problem | None


class Erased(BaseModel):
    """A file without stamps."""

    file: str
    media_type: str
    content: str = Field(description="The bytes of the new file, base64.")
    page_count: int
    warnings: list[str]
    pages: list[ErasedPageAnswer]
    models: list[str]


_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {
        "model": Erased,
        "description": (
            "The new file and what became of each stamp; or, with `Accept: application/octet-stream`, the file alone."
        ),
        "content": {_BYTES: {"schema": {"type": "string", "format": "binary"}}},
    },
    **openapi.body_problems(),
}


@routes.post(
    "/v1/erase", responses=_ANSWERS, openapi_extra=openapi.operation(EraseRequest, EraseFields, _FILES, _EXAMPLE)
)
async def erase(request: Request, here: Here) -> Response:
    """Answer a file without its stamps: paper where their ink lay, print and handwriting under it kept."""
    timeout_s = here.timeout_s(request)
    asked = await _read(request, here)
    call = calls.erase(asked.document.content, asked.preset, asked.erase_options(), bulk=False)
    erased = await while_connected(request, here.gateway.call(call, timeout_s))
    if _BYTES in request.headers.get("accept", ""):
        return Response(erased.data, media_type=erased.media_type)
    return Response(await asyncio.to_thread(_rendered, asked.document.file, erased), media_type=JSON)


async def _read(request: Request, here: Context) -> EraseRequest:
    if content_type(request, FORM, JSON) == JSON:
        return await here.bodies.json(request, EraseRequest)
    form = await here.bodies.form(request)
    check_files(form, "file")
    content = only_file(form, "file")
    name = next((file.name for file in form.files), "document")
    return EraseRequest.model_validate({**form.fields, "document": {"file": name, "content": content}})


def _rendered(file: str, erased: ErasedDocument) -> bytes:
    row = {
        "file": file,
        "media_type": erased.media_type,
        "content": base64.b64encode(erased.data).decode(),
        "page_count": erased.page_count,
        "warnings": list(erased.warnings),
        "pages": [_page_json(page) for page in erased.pages],
        "models": [model.reference for model in erased.models],
    }
    return json.dumps(row).encode()


def _page_json(page: ErasedPage) -> dict[str, Any]:
    return {**erased_page_row(page), "error": None if page.error is None else problem(page.error).model_dump()}
