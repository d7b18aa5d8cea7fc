"""What the gateway knows of the models behind it, while a service does not answer."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import grpc.aio
import pytest

from services.gateway.upstream import upstreams
from services.gateway.upstream.deadline import Deadline
from services.gateway.upstream.upstreams import Upstream
from services.table import MODEL_SERVICES
from stamp2vec.values import ModelInfo
from tests.services.scripted import Scripted, serving

EMBEDDER = next(spec for spec in MODEL_SERVICES if spec.name == "embedder")
TRIES = 4  # that the retry policy has


class Away:
    """A service that lists its models while it `is_here`, and else is UNAVAILABLE."""

    def __init__(self, is_here: bool) -> None:
        self.is_here, self.asked = is_here, 0

    async def __call__(self, request: Any, context: Any) -> None:
        self.asked += 1
        if not self.is_here:
            await asyncio.sleep(0.05)
            await context.abort(grpc.StatusCode.UNAVAILABLE, "not now")


@asynccontextmanager
async def upstream(service: Away) -> AsyncIterator[Upstream]:
    async with serving(Scripted(on_list=service)) as address:
        made = Upstream(EMBEDDER, address, None)
        try:
            yield made
        finally:
            await made.close()


async def names(each: Upstream, seconds: float = 10.0) -> list[str]:
    found: list[ModelInfo] = list(await each.models(Deadline.after(seconds)))
    return [model.name for model in found]


async def test_all_who_wait_share_one_question_and_its_failure() -> None:
    service = Away(is_here=False)
    async with upstream(service) as each:
        errors = await asyncio.gather(*(names(each) for _ in range(50)), return_exceptions=True)
    assert {error.code() for error in errors if isinstance(error, grpc.aio.AioRpcError)} == {
        grpc.StatusCode.UNAVAILABLE
    }
    assert len(errors) == 50
    assert service.asked == TRIES


async def test_a_caller_that_cannot_wait_ends_no_other_ones_question() -> None:
    service = Away(is_here=False)
    async with upstream(service) as each:
        hurried = asyncio.create_task(names(each, 0.1))
        patient = asyncio.create_task(names(each))
        with pytest.raises(TimeoutError):
            await hurried
        service.is_here = True
        assert await patient == ["embedder", "verifier"]


async def test_the_old_list_is_used_while_the_service_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upstreams, "MODELS_EXPIRE_S", 0.0)
    service = Away(is_here=True)
    async with upstream(service) as each:
        before = await names(each)
        service.is_here = False
        assert await names(each) == before
        assert await names(each) == before
    assert service.asked == 1 + TRIES  # the second time nobody asks again so soon
