"""Bodies of requests, held in memory only and within bounds: forms with files, and JSON."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from http import HTTPStatus
from typing import TypeVar, cast

from pydantic import BaseModel
from python_multipart.multipart import parse_options_header
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect, Request

from services.runtime.serving.byte_budget import ByteBudget, Hold
from services.web.problems import Refused
from stamp2vec.errors import Violation

FORM, JSON = "multipart/form-data", "application/json"
MAX_FILES = 16

_START_S = 30.0  # for a body to begin
_SLOWEST_BYTES_S = 64 * 1024  # for it to go on: whoever sends slower holds memory that others want
_RETRY_S = 1.0
_LARGE_BYTES = 2**20  # that take long enough to parse for others to notice
_MAX_FIELDS = 64

Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class File:
    """A file of a form: its field, what its sender calls it, and its bytes."""

    field: str
    name: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Form:
    """A form: its files in order, and its other fields."""

    files: list[File]
    fields: dict[str, str]


class _MemoryParser(MultiPartParser):
    spool_max_size = 0  # never: a document is not written to any disk
    max_part_size = 128 * 1024  # of a field that is no file: a list of pages has 100,000 characters at most


class Bodies:
    """What requests may take: `most` bytes each, and those of a budget together."""

    def __init__(self, most: int, budget: ByteBudget) -> None:
        self._most, self._budget = most, budget

    def hold(self) -> Hold:
        """What one call takes of the budget, until its end."""
        return self._budget.hold()

    async def form(self, request: Request) -> Form:
        """The form that the request has as its body. Raises Refused."""
        _, parameters = parse_options_header(request.headers["content-type"])
        # RFC 7578 knows no such parameter; Python has codecs that fail in ways of their own.
        if parameters.get(b"charset", b"utf-8").lower() != b"utf-8":
            raise Refused(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "the form has a charset: send it in UTF-8, and name none")
        parser = _MemoryParser(
            request.headers,
            self._chunks(request),
            max_files=MAX_FILES,
            max_fields=_MAX_FIELDS,
            max_part_size=_MemoryParser.max_part_size,
        )
        try:
            items = (await parser.parse()).multi_items()
        except MultiPartException as error:
            raise _invalid("", f"the form cannot be read: {error.message}") from error
        form = Form([], {})
        for name, value in items:
            if isinstance(value, UploadFile):
                form.files.append(File(name, value.filename or name, await value.read()))
                await value.close()
            elif name in form.fields:
                raise _invalid(name, f"{name} is given twice: send it once")
            else:
                form.fields[name] = value
        return form

    async def json(self, request: Request, model: type[Model]) -> Model:
        """The JSON that the request has as its body. Raises Refused, or ValidationError where it is no `model`."""
        body = b"".join([chunk async for chunk in self._chunks(request)])
        if len(body) < _LARGE_BYTES:
            return model.model_validate_json(body)
        return await asyncio.to_thread(model.model_validate_json, body)

    async def _chunks(self, request: Request) -> AsyncGenerator[bytes, None]:
        hold = cast(Hold, request.scope["hold"])
        declared = request.headers.get("content-length", "0")
        if declared.isdecimal() and int(declared) > self._most:
            raise self._too_large()
        received = 0
        started_s = asyncio.get_running_loop().time()
        chunks = aiter(request.stream())
        while True:
            try:
                async with asyncio.timeout_at(started_s + _START_S + received / _SLOWEST_BYTES_S):
                    chunk = await anext(chunks, b"")
            except TimeoutError:
                text = f"the body came too slowly: send at least {_SLOWEST_BYTES_S:,} bytes a second"
                raise Refused(HTTPStatus.REQUEST_TIMEOUT, text) from None
            except ClientDisconnect:
                raise asyncio.CancelledError from None
            if not chunk:
                return
            received += len(chunk)
            if received > self._most:
                raise self._too_large()
            if not hold.try_take(len(chunk)):
                text = "other requests take all memory that there is for them: send it again in a second"
                raise Refused(HTTPStatus.SERVICE_UNAVAILABLE, text, retry_after_s=_RETRY_S)
            yield chunk

    def _too_large(self) -> Refused:
        text = f"the request has more than {self._most:,} bytes: send fewer or smaller documents in one"
        return Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, text)


def content_type(request: Request, *known: str) -> str:
    """The media type of the body, one of those known. Raises Refused."""
    given = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if given not in known:
        text = f"a body of type {given[:80] or 'unknown'!r} is not read here: send {' or '.join(known)}"
        raise Refused(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, text)
    return given


def only_file(form: Form, field: str) -> bytes:
    """The content of the form's one file of that name. Raises Refused."""
    found = [file for file in form.files if file.field == field]
    if len(found) != 1:
        raise _invalid(field, f"{len(found)} files are named {field}: send one")
    return found[0].content


def _invalid(field: str, text: str) -> Refused:
    return Refused(HTTPStatus.UNPROCESSABLE_ENTITY, text, [Violation(field, text)])


def check_files(form: Form, *known: str) -> None:
    """Refused where a file has another name than those known."""
    for file in form.files:
        if file.field not in known:
            raise _invalid(file.field, f"a file is named {file.field[:80]!r}: name it {' or '.join(known)}")
