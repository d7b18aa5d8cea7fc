"""POST /v1/analyze, /v1/find and /v1/read: documents in; stamps out, together or page by page."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse

from services.web import openapi
from services.web.answers import Analyzed, document_json, failed_json, streamed_page_json
from services.web.bodies import FORM, JSON, check_files, content_type
from services.web.context import LONGEST_S, Context, Here, while_connected
from services.web.gateway import DocumentAnswer, PageAnswer
from services.web.openapi import NDJSON
from services.web.requests import (
    AnalyzeOptions,
    AnalyzeRequest,
    FindOptions,
    FindRequest,
    ReadOptions,
    ReadRequest,
)

_Asked = AnalyzeRequest | FindRequest | ReadRequest

routes = APIRouter(tags=["documents"])

_HEARTBEAT_S = 5.0  # proxies cut connections on which nothing comes for long
_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {
        "model": Analyzed,
        "description": (
            "All documents; or, with `Accept: application/x-ndjson`, a line for each page as soon as it is analysed, "
            "and one that ends each document. Of one document a failure is the response's status, of several it "
            "is the document's `problem`."
        ),
        "content": {
            NDJSON: {
                "schema": {"type": "string"},
                "example": (
                    '{"type":"page","file":"scan.pdf","page":0,"stamps":[]}\n'
                    '{"type":"progress","file":"scan.pdf","pages_done":1}\n'
                    '{"type":"document","file":"scan.pdf","page_count":1,"die_groups":[]}\n'
                ),
            }
        },
    },
    **openapi.body_problems(),
}
_FILES = {"file": "1 to 16 files: PDF, TIFF, JPEG, PNG, WebP, BMP or JPEG 2000."}
_EXAMPLE = {
    "documents": [
        {
            "file": "pixel.bmp",
            "content": "Qk06AAAAAAAAADYAAAAoAAAAAQAAAAEAAAABABgAAAAAAAQAAAATCwAAEwsAAAAAAAAAAAAA////AA==",
        }
    ],
    "min_score": 0.5,
}


@routes.post(
    "/v1/analyze",
    responses=_ANSWERS,
    openapi_extra=openapi.operation(AnalyzeRequest, AnalyzeOptions, _FILES, _EXAMPLE),
)
async def analyze(request: Request, here: Here) -> Response:
    """Find the stamps of documents, turn each into a vector, and compare every two."""
    return await _answer(request, here, AnalyzeRequest)


@routes.post(
    "/v1/find", responses=_ANSWERS, openapi_extra=openapi.operation(FindRequest, FindOptions, _FILES, _EXAMPLE)
)
async def find(request: Request, here: Here) -> Response:
    """Find the stamps of documents, without vectors: where they are, of which type and colour."""
    return await _answer(request, here, FindRequest)


@routes.post(
    "/v1/read", responses=_ANSWERS, openapi_extra=openapi.operation(ReadRequest, ReadOptions, _FILES, _EXAMPLE)
)
async def read(request: Request, here: Here) -> Response:
    """Say what the stamps of documents say: their lines, dates and numbers. 400 where no reader is deployed."""
    return await _answer(request, here, ReadRequest)


async def _answer(
    request: Request, here: Context, model: type[AnalyzeRequest] | type[FindRequest] | type[ReadRequest]
) -> Response:
    is_stream = NDJSON in request.headers.get("accept", "")
    timeout_s = here.timeout_s(request, LONGEST_S if is_stream else None)
    asked = await _read(request, here, model)
    if is_stream:
        rows = _rows(here, asked, timeout_s)
        first = await while_connected(request, _first(rows))  # what fails before it has a status of its own
        return StreamingResponse(_lines(first, rows), media_type=NDJSON)
    found = await while_connected(request, _documents(here, asked, timeout_s))
    return Response(found, media_type=JSON)


async def _read(
    request: Request, here: Context, model: type[AnalyzeRequest] | type[FindRequest] | type[ReadRequest]
) -> _Asked:
    if content_type(request, FORM, JSON) == JSON:
        return await here.bodies.json(request, model)
    form = await here.bodies.form(request)
    check_files(form, "file")
    documents = [{"file": file.name, "content": file.content} for file in form.files]
    return model.model_validate({**form.fields, "documents": documents})


async def _documents(here: Context, asked: _Asked, timeout_s: float) -> bytes:
    """An Analyzed. Raises the error of the only document."""
    options = asked.options()
    calls = [here.gateway.analyze(each.content, asked.preset, options, timeout_s) for each in asked.documents]
    answers = await asyncio.gather(*calls, return_exceptions=len(calls) > 1)

    def render() -> bytes:
        rows = [
            failed_json(document.file, answer)
            if isinstance(answer, BaseException)
            else document_json(document.file, answer)
            for document, answer in zip(asked.documents, answers, strict=True)
        ]
        return json.dumps({"documents": rows}).encode()

    return await asyncio.to_thread(render) if options.needs_masks or options.include_crops else render()


async def _rows(here: Context, asked: _Asked, timeout_s: float) -> AsyncIterator[dict[str, Any]]:
    """What each line says. Raises the error of the only document where nothing has been said before."""
    has_begun = len(asked.documents) > 1
    for document in asked.documents:
        pages_done = 0
        try:
            async for answer in _answers(here, document.content, asked, timeout_s):
                has_begun = True
                match answer:
                    case PageAnswer():
                        pages_done += 1
                        row = await asyncio.to_thread(streamed_page_json, answer)
                        yield {"type": "page", "file": document.file, **row}
                        yield {"type": "progress", "file": document.file, "pages_done": pages_done}
                    case DocumentAnswer():
                        yield {"type": "document", **document_json(document.file, answer)}
                    case None:
                        yield {"type": "progress", "file": document.file, "pages_done": pages_done}
        except Exception as error:
            if not has_begun:
                raise
            yield {"type": "problem", **failed_json(document.file, error)}


async def _answers(
    here: Context, content: bytes, asked: _Asked, timeout_s: float
) -> AsyncIterator[PageAnswer | DocumentAnswer | None]:
    """The pages and the rest of a document; None where nothing has come for some time."""
    queue: asyncio.Queue[PageAnswer | DocumentAnswer | Exception | None] = asyncio.Queue(1)

    async def read() -> None:
        """In a task of its own, as a trace's call is."""
        end: Exception | None = None
        try:
            async for answer in here.gateway.pages(content, asked.preset, asked.options(), timeout_s, bulk=False):
                await queue.put(answer)
        except Exception as error:
            end = error
        await queue.put(end)

    reading = asyncio.create_task(read())
    try:
        while True:
            try:
                async with asyncio.timeout(_HEARTBEAT_S):
                    answer = await queue.get()
            except TimeoutError:
                yield None
                continue
            if answer is None:
                return
            if isinstance(answer, Exception):
                raise answer
            yield answer
    finally:
        reading.cancel()


async def _first(rows: AsyncIterator[dict[str, Any]]) -> dict[str, Any]:
    return await anext(rows)


async def _lines(first: dict[str, Any], rows: AsyncIterator[dict[str, Any]]) -> AsyncIterator[bytes]:
    yield json.dumps(first).encode() + b"\n"
    async for row in rows:
        yield json.dumps(row).encode() + b"\n"
