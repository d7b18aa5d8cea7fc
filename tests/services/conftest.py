"""One gateway for all tests of a file whose calls come to nothing, and a clock that jumps."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from stamp2vec.v1 import common_pb2
from tests.runtime.conftest import SimulatedTimeLoop
from tests.services.gateway import gateway
from tests.services.scripted import Scripted, info

if TYPE_CHECKING:
    from stamp2vec.v1.gateway_pb2_grpc import StampServiceAsyncStub


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    if item.path.name == "test_long_documents.py":
        return {"simulated-time": SimulatedTimeLoop}
    return {"real-time": asyncio.new_event_loop}


@pytest.fixture(scope="module")
def script() -> Scripted:
    return Scripted(embedders=[info("embedder", common_pb2.TASK_EMBED), info("big", common_pb2.TASK_EMBED, "1.0.0", 2)])


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stub(script: Scripted) -> "AsyncIterator[StampServiceAsyncStub]":
    """One gateway for all tests of failing calls."""
    async with gateway(script) as stub:
        yield stub
