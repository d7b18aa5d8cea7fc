"""The asynchronous client against a real gRPC server: every method, typed errors, streams, cancellation."""

import asyncio
import gc
import itertools
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import grpc
import numpy as np
import pytest

from stamp2vec.client import AsyncClient, Client, stream
from stamp2vec.errors import (
    DeadlineExceeded,
    InvalidImage,
    InvalidInput,
    ModelNotFound,
    NotEnabled,
    Overloaded,
    PermissionDenied,
    ServiceError,
    Unauthenticated,
    Unavailable,
)
from stamp2vec.limits import MAX_DOCUMENT_BYTES
from stamp2vec.pipelines import ComparisonPipeline, DocumentPipeline
from stamp2vec.v1 import common_pb2, gateway_pb2
from stamp2vec.values import DocumentResult, Embedding, Preset
from tests.library.conftest import page_image
from tests.library.standin import StandIn
from tests.library.test_client import CROP, same
from tests.library.test_document import png, tiff
from tests.parity import hold_equal

PAGE = png(page_image(0))


@pytest.fixture
def server(bundle: Path) -> Iterator[StandIn]:
    running = StandIn(DocumentPipeline.from_preset())
    yield running
    running.close()


@pytest.fixture
async def client(server: StandIn) -> AsyncIterator[AsyncClient]:
    async with AsyncClient(server.address) as connected:
        yield connected


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not holds():
            await asyncio.sleep(0.01)


async def test_strips_and_clean_stamps_are_asked_for_and_come(client: AsyncClient, server: StandIn) -> None:
    result = await client.analyze(PAGE, min_score=0.6, include_unrolled=True, include_clean_stamps=True)
    expected = server.pipeline(PAGE, min_score=0.6, include_unrolled=True, include_clean_stamps=True)
    same(result, expected)
    (page,) = result.pages
    assert all(stamp.transparent is not None and stamp.mask is None for stamp in page.stamps)
    (request,) = server.requests
    assert (request.include_unrolled, request.include_clean_stamps, request.include_masks) == (True, True, False)


async def test_analyze_passes_every_option(client: AsyncClient, server: StandIn) -> None:
    result = await client.analyze(
        PAGE, min_score=0.6, max_overlap=0.75, include_masks=True, include_crops=True, prior=0.25, bulk=True
    )
    expected = server.pipeline(PAGE, min_score=0.6, max_overlap=0.75, include_masks=True, include_crops=True)
    same(result, expected)
    for stamp, other in zip(result.pages[0].stamps, expected.pages[0].stamps, strict=True):
        np.testing.assert_array_equal(stamp.crop, other.crop)
    (request,) = server.requests
    assert (request.min_score, request.max_overlap, request.prior) == (np.float32(0.6), 0.75, 0.25)
    assert (request.include_masks, request.include_crops, request.include_vectors) == (True, True, True)
    assert request.priority == common_pb2.PRIORITY_BULK

    result = await client.analyze(PAGE, Preset.ACCURATE, include_vectors=False)
    assert result.pages[0].stamps[0].vector is None
    assert result.similarity.shape == (0, 0)
    request = server.requests[-1]
    assert (request.preset, request.priority) == (common_pb2.PRESET_ACCURATE, common_pb2.PRIORITY_INTERACTIVE)


async def test_pictures(client: AsyncClient, server: StandIn) -> None:
    page = np.asarray(page_image(0))
    found, broken = await client.detect([page, b"x"], min_score=0.5, max_overlap=0.75, max_detections=3, bulk=True)
    assert found == server.pipeline.detector(page, 0.5, 0.75)[:3]
    assert isinstance(broken, InvalidImage)
    assert broken.field == "images[1].encoded"
    assert server.requests[-1].priority == common_pb2.PRIORITY_BULK

    mask, broken_crop = await client.segment([CROP, b""], "stamp-unet", bulk=True)
    assert isinstance(mask, np.ndarray)
    np.testing.assert_array_equal(mask, server.pipeline.segmenter(CROP))
    assert isinstance(broken_crop, InvalidImage)
    assert server.requests[-1].model.name == "stamp-unet"

    embedding, broken_too = await client.embed([CROP, b""], "tvae@0.0.1", bulk=True)
    assert isinstance(embedding, Embedding)
    np.testing.assert_allclose(embedding.vector, server.pipeline.embedder(CROP), atol=1e-6)
    assert isinstance(broken_too, InvalidImage)
    errors = await client.embed([b"", b"broken"])
    assert [error.field for error in errors if isinstance(error, InvalidImage)] == [
        "images[0].encoded",
        "images[1].encoded",
    ]


async def test_comparisons_and_models(client: AsyncClient) -> None:
    (vector,) = await client.embed([CROP])
    assert isinstance(vector, Embedding)
    for a, b in ((CROP, CROP), (CROP, vector), (vector, vector)):
        result = await client.compare(a, b)
        assert result.similarity == pytest.approx(1, abs=1e-5)
    assert [model.name for model in await client.models()] == ["yolo-stamp", "stamp-unet", "tvae", "stamp-pair"]


async def test_comparisons_by_ink_and_by_vectors(client: AsyncClient, server: StandIn) -> None:
    pipeline, other = server.pipeline, np.asarray(page_image(6, 100, 90))
    assert pipeline.verifier is not None
    expected = ComparisonPipeline(pipeline.embedder, pipeline.segmenter, pipeline.verifier)(CROP, other, prior=0.25)
    hold_equal(await client.compare(CROP, other, "tvae", prior=0.25), expected)
    hold_equal(
        await client.compare(CROP, other, by_vectors=True, prior=0.125),
        pipeline.embedder.compare(CROP, other, prior=0.125),
    )
    by_ink, by_vectors = server.requests
    assert (by_ink.mode, by_ink.prior, by_ink.model.name) == (gateway_pb2.COMPARE_MODE_UNSPECIFIED, 0.25, "tvae")
    assert (by_vectors.mode, by_vectors.prior) == (gateway_pb2.COMPARE_MODE_FAST, 0.125)
    with pytest.raises(InvalidInput, match="send a probability above 0 and below 1") as caught:
        await client.compare(CROP, other, prior=1.0)
    assert caught.value.field == "prior"


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (grpc.StatusCode.RESOURCE_EXHAUSTED, Overloaded),
        (grpc.StatusCode.DEADLINE_EXCEEDED, DeadlineExceeded),
        (grpc.StatusCode.FAILED_PRECONDITION, NotEnabled),
        (grpc.StatusCode.UNAUTHENTICATED, Unauthenticated),
        (grpc.StatusCode.PERMISSION_DENIED, PermissionDenied),
        (grpc.StatusCode.INTERNAL, ServiceError),
    ],
)
async def test_every_code_has_its_error(
    client: AsyncClient, server: StandIn, code: grpc.StatusCode, kind: type[ServiceError]
) -> None:
    server.failures = [(code, 3.0)] * 2
    with pytest.raises(ServiceError) as caught:
        await client.embed([CROP])
    assert type(caught.value) is kind
    assert (caught.value.code, caught.value.retry_after_s, caught.value.request_id) == (code, 3, "request-7")
    with pytest.raises(kind):
        [result async for result in client.analyze_many([("a", b"")])]
    assert len(server.requests) == 2


async def test_what_is_not_found_and_what_is_invalid(client: AsyncClient) -> None:
    with pytest.raises(ModelNotFound, match="there is no model hvae"):
        await client.embed([CROP], "hvae")
    with pytest.raises(InvalidInput, match="the file is empty") as caught:
        await client.analyze(b"")
    assert caught.value.field == "document"
    with pytest.raises(InvalidInput, match="max_detections is -1") as caught:
        await client.detect([CROP], max_detections=-1)
    assert caught.value.field == "max_detections"
    with pytest.raises(InvalidInput, match="compress it, or split it"):
        await client.analyze(bytes(MAX_DOCUMENT_BYTES + 1))


async def test_what_is_larger_than_a_message_is_no_overload(client: AsyncClient, server: StandIn) -> None:
    with pytest.raises(ServiceError, match="more than 64 MiB") as caught:
        await client.embed([bytes(33 * 2**20)] * 2)
    assert type(caught.value) is ServiceError
    assert not server.requests


async def test_unavailable_is_sent_again(client: AsyncClient, server: StandIn) -> None:
    server.failures = [(grpc.StatusCode.UNAVAILABLE, None)] * 2
    assert len(await client.models()) == 4
    assert len(server.requests) == 3
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{unused.getsockname()[1]}"
        async with AsyncClient(address) as nobody:
            with pytest.raises(Unavailable, match=f"no gateway answers at {address}"):
                await nobody.models()


async def test_a_deadline(server: StandIn) -> None:
    server.open.clear()
    async with AsyncClient(server.address, deadline_s=0.2) as client:
        with pytest.raises(DeadlineExceeded, match="took too long"):
            await client.models()
        with pytest.raises(DeadlineExceeded, match="took too long"):
            [result async for result in client.analyze_many([("a", PAGE)], deadline_s=0.2)]


async def test_a_stream_of_an_iterable_and_of_an_async_iterable(client: AsyncClient, server: StandIn) -> None:
    documents = {"one": PAGE, "none": b"no image", "two": tiff([page_image(2)])}

    async def slowly() -> AsyncIterator[tuple[str, bytes]]:
        for name, document in documents.items():
            await asyncio.sleep(0.01)
            yield name, document

    for source in (documents.items(), slowly()):
        results = {name: result async for name, result in client.analyze_many(source, min_score=0.6, bulk=False)}
        assert list(results) == list(documents)
        assert isinstance(results["none"], InvalidImage)
        for name in ("one", "two"):
            result = results[name]
            assert isinstance(result, DocumentResult)
            same(result, server.pipeline(documents[name], min_score=0.6))
    assert {request.document.priority for request in server.requests} == {common_pb2.PRIORITY_INTERACTIVE}
    assert [result async for result in client.analyze_many([])] == []
    _ = [result async for result in client.analyze_many([("a", PAGE)], include_vectors=False, prior=0.25)]
    assert not server.requests[-1].document.include_vectors
    assert server.requests[-1].document.prior == 0.25
    assert server.requests[-1].document.priority == common_pb2.PRIORITY_BULK


class NoMore(Exception):
    pass


async def test_an_error_of_the_documents_reaches_the_caller_after_their_results(
    client: AsyncClient, server: StandIn
) -> None:
    def documents() -> Iterator[tuple[str, bytes]]:
        yield "a", PAGE
        raise NoMore

    async def documents_async() -> AsyncIterator[tuple[str, bytes]]:
        for each in documents():
            yield each

    for source in (documents(), documents_async()):
        results = client.analyze_many(source)
        name, _ = await anext(results)
        assert name == "a"
        with pytest.raises(NoMore):
            await anext(results)
    with Client(server.address) as connected:
        stream = connected.analyze_many(documents())
        assert next(stream)[0] == "a"
        with pytest.raises(NoMore):
            next(stream)


async def test_a_document_that_is_too_large_costs_no_other_of_its_stream(
    client: AsyncClient, server: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "MAX_FILE_BYTES", 2**20)
    documents = [("large", bytes(65 * 2**20)), ("a", PAGE), ("last", bytes(2**20 + 1))]
    results = {name: result async for name, result in client.analyze_many(documents)}
    with Client(server.address) as connected:
        assert {name: type(result) for name, result in connected.analyze_many(documents)} == {
            "large": InvalidInput,
            "a": DocumentResult,
            "last": InvalidInput,
        }
    assert isinstance(results["a"], DocumentResult)
    assert isinstance(results["large"], InvalidInput)
    assert results["large"].field == "document"
    assert isinstance(results["last"], InvalidInput)
    assert len(server.requests) == 2


async def test_a_large_document_travels_in_pieces(
    client: AsyncClient, server: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "_PIECE_BYTES", len(PAGE) // 3)
    results = {name: result async for name, result in client.analyze_many([("a", PAGE), ("b", PAGE)])}
    assert {name: type(result) for name, result in results.items()} == dict.fromkeys("ab", DocumentResult)
    assert [request.document.document for request in server.requests] == [PAGE, PAGE]


async def test_a_cancelled_coroutine_cancels_its_call(client: AsyncClient, server: StandIn) -> None:
    server.open.clear()
    task = asyncio.create_task(client.analyze(PAGE))
    await until(lambda: bool(server.requests))
    assert not server.ended.is_set()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await until(server.ended.is_set)  # its handler still waits: the client ended the call


async def test_a_cancelled_coroutine_cancels_its_stream(client: AsyncClient, server: StandIn) -> None:
    async def read() -> None:
        async for _ in client.analyze_many((str(number), PAGE) for number in itertools.count()):
            pass

    server.open.clear()
    task = asyncio.create_task(read())
    await until(lambda: bool(server.requests))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await until(server.ended.is_set)


async def test_an_abandoned_stream_is_cancelled(client: AsyncClient, server: StandIn) -> None:
    async def forever() -> AsyncIterator[tuple[str, bytes]]:
        for number in itertools.count():
            yield str(number), PAGE
            await asyncio.sleep(0)

    async for name, _ in client.analyze_many(forever()):
        assert name == "0"
        server.open.clear()
        break
    gc.collect()
    await until(server.ended.is_set)

    server.open.set()
    server.ended.clear()
    with Client(server.address) as connected:
        stream = connected.analyze_many((str(number), PAGE) for number in itertools.count())
        next(stream)
        server.open.clear()
        stream.close()  # type: ignore[attr-defined]  # a generator, as documented
        await until(server.ended.is_set)
