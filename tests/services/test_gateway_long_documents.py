"""Long documents through the gateway: begun one after the other, refused where they cannot end."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from google.rpc import error_details_pb2  # type: ignore[import-untyped]

from stamp2vec.v1 import detector_pb2, gateway_pb2
from tests.services.gateway import TIMEOUT_S, Code, document, eventually, gateway, refusal, rich
from tests.services.scripted import Scripted, pixels

PAGES = 16  # two groups


class Detector:
    """A hook that notes whose pages come, by their grey level, and holds them until it is opened."""

    def __init__(self) -> None:
        self.seen: list[int] = []
        self.open = asyncio.Event()

    async def __call__(self, request: detector_pb2.DetectRequest, context: Any) -> None:
        self.seen.append(int(pixels(request.images[0])[0, 0, 0]))
        await self.open.wait()


async def test_the_pages_of_one_long_document_go_before_those_of_the_next() -> None:
    """All in turns, as they were decoded, each would be as late as the last of them."""
    detector = Detector()
    async with gateway(Scripted(on_detect=detector, boxes=[]), decoders=1) as stub:
        calls = [
            asyncio.ensure_future(stub.AnalyzeDocument(document(*[level] * PAGES), timeout=TIMEOUT_S))
            for level in (100, 150)
        ]
        await eventually(lambda: len(detector.seen) == 2)
        short = asyncio.ensure_future(stub.AnalyzeDocument(document(200), timeout=TIMEOUT_S))
        await eventually(lambda: 200 in detector.seen)
        detector.open.set()
        await asyncio.gather(short, *calls)
    first, second = dict.fromkeys(level for level in detector.seen if level != 200)
    assert [level for level in detector.seen if level != 200] == [first, first, second, second]
    assert detector.seen.index(200) == 2, "a short document waits for none of them"


async def test_one_that_cannot_end_behind_the_others_is_refused_at_once_with_a_time_to_come_back() -> None:
    groups = 0

    async def slow(request: detector_pb2.DetectRequest, context: Any) -> None:
        nonlocal groups
        groups += 1
        await asyncio.sleep(1.0)

    async with gateway(Scripted(on_detect=slow, boxes=[]), decoders=1) as stub:
        working = asyncio.ensure_future(stub.AnalyzeDocument(document(*[100] * 96), timeout=TIMEOUT_S))
        await eventually(lambda: groups > 3)  # of three at a time: so what a page costs is known
        error = await refusal(stub.AnalyzeDocument(document(*[150] * 96), timeout=4.0))
        assert not working.done()
        working.cancel()
    assert error.code() is Code.RESOURCE_EXHAUSTED
    assert "the work then" in str(error.details())
    (retry,) = [each for each in rich(error) if isinstance(each, error_details_pb2.RetryInfo)]
    assert retry.retry_delay.ToTimedelta().total_seconds() > 1


async def test_page_by_page_a_document_waits_for_no_other() -> None:
    """Its pages come one by one, and whoever reads them slowly must hold nobody up."""
    detector = Detector()
    asked = document(*[100] * PAGES)

    async def requests() -> AsyncIterator[gateway_pb2.AnalyzeDocumentsRequest]:
        for name in "ab":
            yield gateway_pb2.AnalyzeDocumentsRequest(id=name, document=asked, page_by_page=True)

    async with gateway(Scripted(on_detect=detector, boxes=[]), decoders=1) as stub:
        working = asyncio.ensure_future(stub.AnalyzeDocument(document(*[150] * PAGES), timeout=TIMEOUT_S))
        await eventually(lambda: detector.seen == [150, 150])
        call = stub.AnalyzeDocuments(requests(), timeout=TIMEOUT_S)
        await eventually(lambda: detector.seen.count(100) >= 2)
        detector.open.set()
        ends = [response.id async for response in call if response.HasField("result")]
        await working
    assert sorted(ends) == ["a", "b"]
