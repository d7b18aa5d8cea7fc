"""The endpoints of the original project, github.com/stamps-labs/stamp2vec: a picture in, in the field `file`.

What differs: the models are others, so are scores and vectors; the orientation of a photograph is applied.
"""

import asyncio
import io
from typing import Any

import numpy as np
from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from PIL import Image
from pydantic import BaseModel, Field

from services.web import openapi
from services.web.bodies import FORM, check_files, content_type, only_file
from services.web.context import Context, Here, while_connected
from stamp2vec.client import calls
from stamp2vec.decoding import Decoder, SharedFile
from stamp2vec.document.options import Options
from stamp2vec.errors import Stamp2vecError
from stamp2vec.imaging import Limits, annotate
from stamp2vec.values import Detection, Preset

routes = APIRouter(tags=["the original's"])

_PICTURE = openapi.form_operation({"file": "A JPEG, PNG or other picture."})
_JPEG = "image/jpeg"


class BoundingBox(BaseModel):
    """A stamp, in pixels of the picture."""

    xmin: int
    ymin: int
    width: int
    height: int
    certainty: float


class BoundingBoxes(BaseModel):
    """The stamps of a picture, best first."""

    bboxes: list[BoundingBox]


class Vector(BaseModel):
    """The vector of a cropped stamp, of length 1."""

    emb: list[float]


class Vectors(BaseModel):
    """The vectors of all stamps of a picture, in the order of their boxes."""

    bboxes: list[BoundingBox]
    embs: list[list[float] | None] = Field(description="Each of length 1; null for one that has none.")


@routes.post(
    "/bounding-boxes", responses={200: {"model": BoundingBoxes}, **openapi.body_problems()}, openapi_extra=_PICTURE
)
async def bounding_boxes(request: Request, here: Here) -> Response:
    """Find the stamps of a picture."""
    timeout_s = here.timeout_s(request)
    found = await while_connected(request, _detect(here, await _picture(request, here), timeout_s))
    return JSONResponse({"bboxes": [_box_json(each.box, each.score) for each in found]})


@routes.post(
    "/image-w-boxes",
    responses={
        200: {"description": "The picture with boxes.", "content": {_JPEG: {"schema": {"type": "string"}}}},
        **openapi.body_problems(),
    },
    openapi_extra=_PICTURE,
    response_class=Response,
)
async def image_with_boxes(request: Request, here: Here) -> Response:
    """Find the stamps of a picture and draw their boxes on it."""
    timeout_s = here.timeout_s(request)
    picture = await _picture(request, here)

    async def work() -> bytes:
        found = await _detect(here, picture, timeout_s)
        async with asyncio.timeout(timeout_s):
            return await _draw(here, picture, found, timeout_s)

    return Response(await while_connected(request, work()), media_type=_JPEG)


async def embedding(request: Request, here: Here) -> Response:
    """Turn the picture of one stamp into a vector."""
    timeout_s = here.timeout_s(request)
    call = calls.embed([await _picture(request, here)], Preset.FAST, bulk=False)
    (found,) = await while_connected(request, here.gateway.call(call, timeout_s))
    if isinstance(found, Stamp2vecError):
        raise found
    return JSONResponse({"emb": _rounded(found.vector)})


# The original's own spelling, and those that its papers and its users have.
for _path in ("/embeddings-from-cropped", "/embedding-from-cropped", "/embedding-from-copped"):
    _answers: dict[int | str, dict[str, Any]] = {200: {"model": Vector}, **openapi.body_problems()}
    routes.add_api_route(
        _path,
        embedding,
        methods=["POST"],
        responses=_answers,
        openapi_extra=_PICTURE,
        deprecated=_path.endswith("copped"),
        operation_id=_path.strip("/").replace("-", "_"),
    )


@routes.post("/embeddings", responses={200: {"model": Vectors}, **openapi.body_problems()}, openapi_extra=_PICTURE)
async def embeddings(request: Request, here: Here) -> Response:
    """Find the stamps of a picture and turn each into a vector."""
    timeout_s = here.timeout_s(request)
    call = here.gateway.analyze(await _picture(request, here), Preset.FAST, Options(pages="1"), timeout_s)
    pages = [answer.page for answer in (await while_connected(request, call)).pages]
    stamps = [stamp for page in pages for stamp in page.stamps]
    boxes = [_box_json(stamp.box, stamp.score) for stamp in stamps]
    vectors = [None if stamp.vector is None else _rounded(stamp.vector) for stamp in stamps]
    return JSONResponse({"bboxes": boxes, "embs": vectors})


async def _picture(request: Request, here: Context) -> bytes:
    content_type(request, FORM)
    form = await here.bodies.form(request)
    check_files(form, "file")
    return only_file(form, "file")


async def _detect(here: Context, picture: bytes, timeout_s: float) -> list[Detection]:
    call = calls.detect([picture], Preset.FAST, min_score=None, max_overlap=None, max_detections=None, bulk=False)
    (found,) = await here.gateway.call(call, timeout_s)
    if isinstance(found, Stamp2vecError):
        raise found
    return found


async def _draw(here: Context, picture: bytes, found: list[Detection], timeout_s: float) -> bytes:
    """The picture as JPEG, decoded in a child process: nothing that strangers send is parsed in this one."""
    boxes = np.array([each.box for each in found], np.float32).reshape(-1, 4)
    scores = [each.score for each in found]
    deadline_s = asyncio.get_running_loop().time() + timeout_s

    def draw(decoder: Decoder) -> bytes:
        decoder.open(file, Limits(), "file", None, deadline_s)
        page = decoder.read(0, lambda _: True, deadline_s)
        output = io.BytesIO()
        drawn = annotate(page.image, boxes / (page.scale * 2), scores, [each.type for each in found])
        Image.fromarray(drawn).save(output, "JPEG", quality=90)
        return output.getvalue()

    with SharedFile(picture) as file:
        try:
            return await here.decoders.run(draw, file)
        finally:
            here.decoders.close_file(file)


def _box_json(box: tuple[float, float, float, float], score: float) -> dict[str, Any]:
    x1, y1, x2, y2 = (int(edge) for edge in box)
    return {"xmin": x1, "ymin": y1, "width": x2 - x1, "height": y2 - y1, "certainty": round(score, 6)}


def _rounded(vector: np.ndarray) -> list[float]:
    return [round(number, 6) for number in vector.tolist()]
