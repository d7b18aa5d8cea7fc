"""The vectors, replayed by stamp2vec.client."""

import base64
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import grpc
from google.protobuf.json_format import MessageToDict, ParseDict
from google.protobuf.message import Message

from stamp2vec.client import Client
from stamp2vec.errors import InvalidCall, InvalidInput, ServiceError, Stamp2vecError
from stamp2vec.v1 import gateway_pb2
from stamp2vec.values import DocumentResult, Embedding
from stamp2vec.wire.comparisons import comparison_to_message
from stamp2vec.wire.documents import options_from_message, result_from_message, result_to_message
from stamp2vec.wire.errors import code_of, status_to_message
from stamp2vec.wire.models import preset_from_number
from stamp2vec.wire.stamps import vector_from_message


def replay(
    vectors: Path, target: str, credentials: grpc.ChannelCredentials | None = None, token: str | None = None
) -> Iterator[dict[str, Any]]:
    """What came of each case, as proto-JSON of Outcome."""
    for case in json.loads(vectors.read_text())["cases"]:
        own = case.get("token", token) or None
        deadline_s = case.get("deadlineMs", 30_000) / 1000
        with Client(target, deadline_s=deadline_s, credentials=credentials, token=own) as client:
            outcome: dict[str, Any] = {"name": case["name"], "code": "OK"}
            try:
                outcome |= _run(client, case, vectors.parent)
            except Stamp2vecError as error:
                outcome |= _error(error)
            yield outcome


def _run(client: Client, case: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    match case:
        case {"analyzeDocument": given}:
            request = ParseDict(given, gateway_pb2.AnalyzeDocumentRequest())
            result = client.analyze(_document(case, folder, request), **_options(request))
            return _answer("analyzeDocument", result_to_message(result))
        case {"analyzeDocuments": given}:
            first = ParseDict(given, gateway_pb2.AnalyzeDocumentsRequest())
            document = (first.id, _document(case, folder, first.document))
            ((name, answer),) = client.analyze_many([document], **_options(first.document))
            return {"analyzeDocuments": list(map(MessageToDict, _responses(name, answer)))}
        case {"compareStamps": given}:
            pair = ParseDict(given, gateway_pb2.CompareStampsRequest())
            prior = pair.prior if pair.HasField("prior") else None
            comparison = client.compare(_stamp(pair.a), _stamp(pair.b), pair.model.name or None, prior=prior)
            return _answer("compareStamps", comparison_to_message(comparison))
        case {"response": given}:
            response = gateway_pb2.AnalyzeDocumentResponse.FromString(base64.b64decode(given))
            result_from_message(response)  # the client tolerates what it cannot know
            return _answer("analyzeDocument", response)
    raise ValueError(f"{case['name']} calls nothing")


def _document(case: Mapping[str, Any], folder: Path, request: gateway_pb2.AnalyzeDocumentRequest) -> bytes:
    return (folder / case["document"]).read_bytes() if "document" in case else request.document


def _stamp(side: gateway_pb2.Comparand) -> bytes | Embedding:
    if side.HasField("image"):
        return side.image.encoded
    return Embedding(vector_from_message(side.vector), side.vector.model.name, side.vector.model.version)


def _options(request: gateway_pb2.AnalyzeDocumentRequest) -> dict[str, Any]:
    """The arguments of the client's methods."""
    return {"preset": preset_from_number(request.preset, "preset"), **asdict(options_from_message(request))}


def _answer(name: str, response: Message) -> dict[str, Any]:
    return {name: MessageToDict(response), "responseBytes": response.ByteSize()}


def _responses(name: str, answer: DocumentResult | Stamp2vecError) -> Iterator[gateway_pb2.AnalyzeDocumentsResponse]:
    """What the client has joined into one answer, or into an error, as the responses of the stream."""
    if isinstance(answer, Stamp2vecError):
        yield gateway_pb2.AnalyzeDocumentsResponse(id=name, status=status_to_message(answer))
        return
    whole = result_to_message(answer)
    for page in whole.pages:
        yield gateway_pb2.AnalyzeDocumentsResponse(id=name, page=page)
    rest = gateway_pb2.AnalyzeDocumentResponse(
        page_count=whole.page_count, die_groups=[stamp.die_group for page in whole.pages for stamp in page.stamps]
    )
    yield gateway_pb2.AnalyzeDocumentsResponse(id=name, result=rest)


def _error(error: Stamp2vecError) -> dict[str, Any]:
    found: dict[str, Any] = {"code": code_of(error).name, "message": str(error)}
    if isinstance(error, InvalidCall):
        found["fields"] = [violation.field for violation in error.violations]
    elif isinstance(error, InvalidInput):
        found["fields"] = [error.field]
    elif isinstance(error, ServiceError) and error.retry_after_s is not None:
        found["retryAfter"] = f"{error.retry_after_s}s"
    return found
