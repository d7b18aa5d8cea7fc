"""POST /v1/pages: the pages of a document as pictures, for those who show them and cannot draw PDF or TIFF."""

import asyncio
import base64
import io
import json
from collections.abc import AsyncIterator
from functools import partial
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse
from PIL import Image

from services.web import openapi
from services.web.bodies import FORM, JSON, check_files, content_type, only_file
from services.web.context import LONGEST_S, Context, Here, while_connected
from services.web.openapi import NDJSON
from services.web.problems import problem
from services.web.requests import PagesOptions, PagesRequest
from stamp2vec.decoding import Decoder, SharedFile
from stamp2vec.errors import InvalidImage
from stamp2vec.imaging import Limits, Page, pages_to_read
from stamp2vec.limits import MAX_STREAMED_PAGES

routes = APIRouter(tags=["documents"])

_QUALITY = 85
_LIMITS = Limits(max_pages=MAX_STREAMED_PAGES)
_FILE = {"file": "A PDF, TIFF, JPEG 2000 or other picture."}
_EXAMPLE = {
    "document": {
        "file": "pixel.bmp",
        "content": "Qk06AAAAAAAAADYAAAAoAAAAAQAAAAEAAAABABgAAAAAAAQAAAATCwAAEwsAAAAAAAAAAAAA////AA==",
    },
    "max_side": 1600,
}
_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": (
            "A line for each page that was asked for, in order, as soon as it is drawn: `page` from 0, the "
            "`page_count` of the file, `width` and `height` in the pixels that boxes count, and the picture in "
            "`jpeg`, in base64 and maybe smaller; or the `error` that the page ended in."
        ),
        "content": {
            NDJSON: {
                "schema": {"type": "string"},
                "example": '{"page":0,"page_count":1,"width":1240,"height":1754,"jpeg":"/9j/","error":null}\n',
            }
        },
    },
    **openapi.body_problems(),
}


@routes.post(
    "/v1/pages", responses=_ANSWERS, openapi_extra=openapi.operation(PagesRequest, PagesOptions, _FILE, _EXAMPLE)
)
async def pages(request: Request, here: Here) -> Response:
    """Draw the pages of a document, each upright and in square pixels, as the boxes of its stamps count them."""
    timeout_s = here.timeout_s(request, LONGEST_S)
    await here.gateway.admit(min(timeout_s, here.settings.timeout_s))
    asked = await _read(request, here)
    rows = _rows(here, asked, asyncio.get_running_loop().time() + timeout_s)
    first = await while_connected(request, _first(rows))  # what fails before it has a status of its own
    return StreamingResponse(_lines(first, rows), media_type=NDJSON)


async def _read(request: Request, here: Context) -> PagesRequest:
    if content_type(request, FORM, JSON) == JSON:
        return await here.bodies.json(request, PagesRequest)
    form = await here.bodies.form(request)
    check_files(form, "file")
    return PagesRequest.model_validate({**form.fields, "document": {"content": only_file(form, "file")}})


async def _rows(here: Context, asked: PagesRequest, deadline_s: float) -> AsyncIterator[dict[str, Any]]:
    """What each line says. Raises InvalidImage where the document is none, TimeoutError at the deadline."""

    def open_file(decoder: Decoder) -> int:
        found = decoder.opened(file) or decoder.open(file, _LIMITS, "document", asked.password, deadline_s)
        return found.page_count

    def draw(index: int, decoder: Decoder) -> dict[str, Any]:
        count = open_file(decoder)  # anew, where another document had the decoder since
        row = {"page": index, "page_count": count}
        try:
            page = decoder.read(index, lambda _: True, deadline_s)
        except InvalidImage as error:
            return row | {"width": None, "height": None, "jpeg": None, "error": problem(error).model_dump()}
        size = {"width": page.info.width, "height": page.info.height}
        return row | size | {"jpeg": base64.b64encode(_jpeg(page, asked.max_side)).decode(), "error": None}

    with SharedFile(asked.document.content) as file:
        try:
            count = await here.decoders.run(open_file, file)
            for index in pages_to_read(count, asked.pages, _LIMITS, "document"):
                # One page a turn: other documents have theirs between two of this one.
                async with asyncio.timeout_at(deadline_s):
                    row = await here.decoders.run(partial(draw, index), file)
                yield row
        finally:
            here.decoders.close_file(file)


def _jpeg(page: Page, max_side: int) -> bytes:
    """In a thread, from memory that the decoder's process has filled: nothing of the file is parsed here."""
    picture = Image.fromarray(page.image)
    picture.thumbnail((max_side, max_side), Image.Resampling.BOX, reducing_gap=None)
    output = io.BytesIO()
    picture.save(output, "JPEG", quality=_QUALITY)
    return output.getvalue()


async def _first(rows: AsyncIterator[dict[str, Any]]) -> dict[str, Any]:
    return await anext(rows)


async def _lines(first: dict[str, Any], rows: AsyncIterator[dict[str, Any]]) -> AsyncIterator[bytes]:
    yield json.dumps(first).encode() + b"\n"
    async for row in rows:
        yield json.dumps(row).encode() + b"\n"
