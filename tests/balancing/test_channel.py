"""The gateway's channel, over real detectors behind a name: it spreads, finds new ones, and loses no call."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import cast

import pytest
import torch

from services.gateway.upstream.channel import channel
from services.runtime.batching.refusals import NotServing
from services.runtime.serving.server import running
from services.runtime.serving.settings import ServerSettings
from services.table import service_of
from stamp2vec import hub
from stamp2vec.models import build
from stamp2vec.v1 import common_pb2, detector_pb2, detector_pb2_grpc
from stamp2vec.values import Task
from tests.balancing.callers import CALLERS, Call, call_many, calling_on
from tests.balancing.name_server import NAME, NameServer, naming
from tests.balancing.replicas import Replicas, replicas
from tests.e2e.live import TIMEOUT_S
from tests.library.conftest import manifest
from tests.runtime.one_method_app import OneMethod, aio_method, raising

SERVICE = service_of(Task.DETECT).full_name
METHOD = f"/{SERVICE}/Detect"
FIRST = ["127.0.0.2", "127.0.0.3", "127.0.0.4"]
LATER, DOOMED = "127.0.0.5", "127.0.0.6"


@pytest.fixture(scope="module")
def detectors(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Replicas]:
    """Three in the name, one more that no test names at first."""
    root = tmp_path_factory.mktemp("detectors")
    torch.manual_seed(0)
    config = {"width": 8}
    small = manifest("yolo-stamp", Task.DETECT, config, 64, 0)
    hub.save(root / "yolo-stamp", small, build("yolo-stamp", config).eval().state_dict())
    arguments = ("--model", str(root / "yolo-stamp"), "--max-batch", "2")
    with replicas("detector", arguments, root / "logs", *FIRST, LATER) as started:
        yield started


@asynccontextmanager
async def calling(names: NameServer, port: int) -> AsyncIterator[Call]:
    """One call through the gateway's channel to whom the name means."""
    raw = common_pb2.RawImage(data=bytes(64 * 64 * 3), height=64, width=64, channels=3)
    request = detector_pb2.DetectRequest(images=[common_pb2.Image(raw=raw)])
    async with channel(f"dns://127.0.0.1:{names.port}/{NAME}:{port}", SERVICE) as open_channel:
        stub = cast("detector_pb2_grpc.DetectorServiceAsyncStub", detector_pb2_grpc.DetectorServiceStub(open_channel))
        await stub.Detect(request, timeout=TIMEOUT_S, wait_for_ready=True)

        async def call() -> object:
            return await stub.Detect(request, timeout=TIMEOUT_S)

        yield call


async def connected(call: Call, detectors: Replicas, hosts: list[str]) -> None:
    """Returns when all of these have had a call: a channel starts with the first that it reaches."""
    before = detectors.calls(METHOD)
    async with asyncio.timeout(TIMEOUT_S):
        while not all(detectors.calls(METHOD)[host] > before[host] for host in hosts):
            await call_many(call, CALLERS)


async def test_calls_are_spread_evenly(detectors: Replicas) -> None:
    async with naming(list(FIRST)) as names, calling(names, detectors.port) as call:
        await connected(call, detectors, FIRST)
        before = detectors.calls(METHOD)
        await call_many(call, 300)
        after = detectors.calls(METHOD)
        counts = [after[host] - before[host] for host in FIRST]
        assert sum(counts) == 300
        assert all(85 <= count <= 115 for count in counts), counts


async def test_a_new_replica_is_found_when_connections_end_of_age(detectors: Replicas) -> None:
    async with naming(list(FIRST)) as names, calling(names, detectors.port) as call:
        await connected(call, detectors, FIRST)
        assert detectors.calls(METHOD)[LATER] == 0
        names.addresses.append(LATER)
        await connected(call, detectors, [LATER])


async def test_a_page_that_one_replica_refuses_is_answered_by_the_other() -> None:
    """A page has more bytes than gRPC's retries take by default."""
    refusing, serving = OneMethod(), OneMethod()
    refusing.behaviour = raising(NotServing("it ends"))
    async with AsyncExitStack() as stack:
        ports = [await stack.enter_async_context(running(app, ServerSettings())) for app in (refusing, serving)]
        target = "ipv4:" + ",".join(f"127.0.0.1:{each.grpc}" for each in ports)
        open_channel = await stack.enter_async_context(channel(target, OneMethod.service_name))
        page = bytes(640 * 640 * 3)
        answers = [await aio_method(open_channel)(page, wait_for_ready=True, timeout=TIMEOUT_S) for _ in range(40)]
    assert len(answers) == 40


async def test_a_replica_that_is_killed_loses_no_call(detectors: Replicas) -> None:
    await asyncio.to_thread(detectors.start, DOOMED)
    async with naming([*FIRST, DOOMED]) as names, calling(names, detectors.port) as call:
        await connected(call, detectors, [*FIRST, DOOMED])
        async with calling_on(call):
            await connected(call, detectors, [DOOMED])
            await asyncio.to_thread(detectors.kill, DOOMED)
            await call_many(call, 100)
            names.addresses.remove(DOOMED)  # as Kubernetes does, some time after
            await call_many(call, 20)
