"""POST /v1/compare and GET /v1/models."""

from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from services.web import openapi
from services.web.answers import CompareAnswer, Models, comparison_json, models_json
from services.web.bodies import FORM, JSON, check_files, content_type, only_file
from services.web.context import Context, Here, while_connected
from services.web.requests import CompareOptions, CompareRequest
from stamp2vec.client import calls

routes = APIRouter(tags=["stamps"])

_PICTURES = {"a": "The picture of one stamp.", "b": "The picture of the other."}
_VECTOR = {"vector": [0.6, 0.8], "model": "tvae@1.5.0"}
_EXAMPLE = {"a": _VECTOR, "b": _VECTOR, "by_vectors": True}
_ANSWERS: dict[int | str, dict[str, Any]] = {200: {"model": CompareAnswer}, **openapi.body_problems()}


@routes.post(
    "/v1/compare",
    responses=_ANSWERS,
    openapi_extra=openapi.operation(CompareRequest, CompareOptions, _PICTURES, _EXAMPLE),
)
async def compare(request: Request, here: Here) -> Response:
    """Say whether one die made two stamps, each a cropped picture or, in JSON, a vector with its model."""
    timeout_s = here.timeout_s(request)
    asked = await _read(request, here)
    call = calls.compare(asked.a.stamp(), asked.b.stamp(), asked.preset, by_vectors=asked.by_vectors, prior=asked.prior)
    found = await while_connected(request, here.gateway.call(call, timeout_s))
    return JSONResponse(comparison_json(found, include_overlay=asked.include_overlay))


@routes.get("/v1/models", responses={200: {"model": Models}, **openapi.problems(422)}, openapi_extra=openapi.TIMEOUT)
async def models(request: Request, here: Here) -> Response:
    """List the models behind the gateway."""
    found = await while_connected(request, here.gateway.call(calls.models(), here.timeout_s(request)))
    return JSONResponse(models_json(found))


async def _read(request: Request, here: Context) -> CompareRequest:
    if content_type(request, FORM, JSON) == JSON:
        return await here.bodies.json(request, CompareRequest)
    form = await here.bodies.form(request)
    check_files(form, "a", "b")
    pictures = {name: {"image": only_file(form, name)} for name in ("a", "b")}
    return CompareRequest.model_validate({**form.fields, **pictures})
