"""/v1/jobs: long documents in the background."""

import json
from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse

from services.web import openapi
from services.web.access import Caller
from services.web.answers import AnalyzedDocument, JobStatus, State
from services.web.bodies import FORM, JSON, check_files, content_type
from services.web.context import Context, Here
from services.web.jobs import Job, states
from services.web.openapi import EVENTS
from services.web.problems import Refused, response
from services.web.requests import AnalyzeOptions, JobRequest
from stamp2vec.client.calls import check_size
from stamp2vec.limits import MAX_FILE_BYTES

routes = APIRouter(prefix="/v1/jobs", tags=["jobs"])

_HEARTBEAT_S = 10.0
_FILE = {"file": "A PDF or TIFF of up to 5,000 pages, or a picture."}
_EXAMPLE = {
    "document": {
        "file": "pixel.bmp",
        "content": "Qk06AAAAAAAAADYAAAAoAAAAAQAAAAEAAAABABgAAAAAAAQAAAATCwAAEwsAAAAAAAAAAAAA////AA==",
    },
    "pages": "",
}
_LOCATION = {"Location": {"description": "Where its status is.", "schema": {"type": "string"}}}
_SUBMITTED: dict[int | str, dict[str, Any]] = {202: {"model": JobStatus, "headers": _LOCATION}}


@routes.post(
    "",
    status_code=202,
    responses=_SUBMITTED | openapi.body_problems(),
    openapi_extra=openapi.operation(JobRequest, AnalyzeOptions, _FILE, _EXAMPLE),
)
async def submit(request: Request, here: Here, caller: Caller) -> Response:
    """Analyze a document in the background. The job belongs to the caller by whose token it was sent."""
    asked = await _read(request, here)
    check_size(asked.document.content, MAX_FILE_BYTES)
    job = here.jobs.submit(caller, asked.document.file, asked.document.content, asked.preset, asked.options())
    location = str(request.url_for("status", job_id=job.id).path)
    return JSONResponse(job.status(), HTTPStatus.ACCEPTED, {"location": location})


@routes.get("/{job_id}", responses={200: {"model": JobStatus}, **openapi.problems(404, 422)})
async def status(job_id: str, here: Here, caller: Caller) -> Response:
    """Say how far a job is."""
    return JSONResponse(here.jobs.get(job_id, caller).status())


@routes.get("/{job_id}/result", responses={200: {"model": AnalyzedDocument}, **openapi.problems(400, 404, 409, 422)})
async def result(job_id: str, here: Here, caller: Caller) -> Response:
    """Answer what is on the document; the problem of a job that failed is the response's."""
    job = here.jobs.get(job_id, caller)
    if job.problem is not None:
        return response(job.problem)
    if job.state is not State.DONE:
        raise Refused(HTTPStatus.CONFLICT, "the job is not done yet: follow its events, or ask for its status")
    return Response(job.result(), media_type=JSON)


@routes.get(
    "/{job_id}/events",
    responses={
        200: {
            "description": "Server-sent events: `progress` with a JobStatus after each page, `done` or `failed` last.",
            "content": {
                EVENTS: {"schema": {"type": "string"}, "example": 'event: progress\ndata: {"pages_done":3}\n\n'}
            },
        },
        **openapi.problems(404, 422),
    },
)
async def events(job_id: str, here: Here, caller: Caller) -> Response:
    """Follow a job until it is over."""
    lines = _events(here.jobs.get(job_id, caller))
    return StreamingResponse(lines, media_type=EVENTS, headers={"cache-control": "no-store", "x-accel-buffering": "no"})


@routes.delete("/{job_id}", status_code=204, responses=openapi.problems(404, 422))
async def delete(job_id: str, here: Here, caller: Caller) -> Response:
    """End a job, and let go of its document and its result."""
    here.jobs.delete(job_id, caller)
    return Response(status_code=HTTPStatus.NO_CONTENT)


async def _read(request: Request, here: Context) -> JobRequest:
    if content_type(request, FORM, JSON) == JSON:
        return await here.bodies.json(request, JobRequest)
    form = await here.bodies.form(request)
    check_files(form, "file")
    if len(form.files) != 1:
        raise Refused(HTTPStatus.UNPROCESSABLE_ENTITY, f"{len(form.files)} files were sent: send one, named file")
    (file,) = form.files
    return JobRequest.model_validate({**form.fields, "document": {"file": file.name, "content": file.content}})


async def _events(job: Job) -> AsyncIterator[str]:
    async for row in states(job, _HEARTBEAT_S):
        name = row["state"] if job.is_over else "progress"
        yield f"event: {name}\ndata: {json.dumps(row)}\n\n"
