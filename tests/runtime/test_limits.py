"""Limits of each caller: the token bucket by a clock of the test, and refusals over real connections."""

import asyncio
from contextlib import ExitStack, suppress

import grpc
import grpc.aio
import pytest

from services.runtime.security.access import Access
from services.runtime.security.limits import CallerLimits, Limits, charge, check
from services.runtime.security.refusals import LimitReached, Reason
from services.runtime.serving.server import running
from services.runtime.serving.settings import ServerSettings
from stamp2vec.wire.errors import details_from_error
from tests.runtime.one_method_app import OneMethod, aio_method

Code = grpc.StatusCode


class Clock:
    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def accepted(limits: CallerLimits, caller: str = "a", calls: int = 100) -> int:
    """How many of so many calls, one after the other, it takes."""
    taken = 0
    for _ in range(calls):
        with suppress(LimitReached), limits.enter(caller):
            taken += 1
    return taken


def test_a_bucket_takes_its_burst_and_then_its_rate() -> None:
    clock = Clock()
    limits = CallerLimits(Limits(rate=2.0, burst=5), clock)
    assert accepted(limits) == 5
    clock.now_s = 1.0
    assert accepted(limits) == 2
    clock.now_s = 1.4
    assert accepted(limits) == 0
    clock.now_s = 1.5
    assert accepted(limits) == 1
    clock.now_s = 1000.0
    assert accepted(limits) == 5


def test_a_rate_below_one_is_a_call_in_several_seconds() -> None:
    clock = Clock()
    limits = CallerLimits(Limits(rate=0.1), clock)
    assert accepted(limits) == 1
    with pytest.raises(LimitReached) as refusal, limits.enter("a"):
        pass
    assert refusal.value.retry_after_s == pytest.approx(10.0)
    clock.now_s = refusal.value.retry_after_s
    assert accepted(limits) == 1


def test_callers_do_not_share() -> None:
    limits = CallerLimits(Limits(rate=1.0, burst=3, in_work=1), Clock())
    assert [accepted(limits, name, 10) for name in "abc"] == [3, 3, 3]


def test_what_is_in_work_is_counted_until_it_ends_also_by_an_error() -> None:
    limits = CallerLimits(Limits(in_work=2), Clock())
    with ExitStack() as both:
        both.enter_context(limits.enter("a"))
        both.enter_context(limits.enter("a"))
        with pytest.raises(LimitReached) as refusal, limits.enter("a"):
            pass
        assert refusal.value.reason is Reason.CONCURRENCY
        with limits.enter("b"):
            pass
    with pytest.raises(ZeroDivisionError), limits.enter("a"):
        raise ZeroDivisionError
    with limits.enter("a"), limits.enter("a"):
        pass


def test_a_call_refused_for_what_is_in_work_costs_none_of_the_rate() -> None:
    limits = CallerLimits(Limits(rate=1.0, burst=2, in_work=1), Clock())
    with limits.enter("a"), pytest.raises(LimitReached), limits.enter("a"):
        pass
    with limits.enter("a"):
        pass


def test_callers_that_have_gone_are_forgotten_and_others_are_not() -> None:
    clock = Clock()
    limits = CallerLimits(Limits(rate=1.0, burst=2), clock)
    with limits.enter("stays"):
        for index in range(10_000):
            clock.now_s += 0.01
            assert accepted(limits, f"{index}", 1) == 1
        assert len(limits._accounts) < 2_000
        assert "stays" in limits._accounts
    assert accepted(limits, "9999", 3) == 1


def test_what_a_call_turns_out_to_hold_is_paid_for_before_the_next_one() -> None:
    clock = Clock()
    limits = CallerLimits(Limits(pages=60), clock)
    with limits.enter("a"):
        charge(pages=90)  # more than a minute has: nobody could know before it was read
    with pytest.raises(LimitReached, match="you may send 60 pages a minute, and have") as refusal, limits.enter("a"):
        pass
    assert refusal.value.reason is Reason.PAGES
    assert refusal.value.retry_after_s == pytest.approx(31.0)
    assert accepted(limits, "b", 1) == 1
    clock.now_s = 31.0
    with limits.enter("a"):
        charge(pages=1)
        with pytest.raises(LimitReached):
            check()


def test_bytes_are_counted_beside_pages() -> None:
    clock = Clock()
    limits = CallerLimits(Limits(pages=60, size=6_000), clock)
    with limits.enter("a"):
        charge(pages=1, size=7_000)
    with pytest.raises(LimitReached) as refusal, limits.enter("a"):
        pass
    assert refusal.value.reason is Reason.BYTES
    assert refusal.value.retry_after_s == pytest.approx(10.0, abs=0.1)


def test_without_limits_nothing_is_counted() -> None:
    check()
    charge(pages=10**9, size=10**12)
    check()


# Over real connections; without tokens a caller is an address


async def test_calls_beyond_the_rate_are_told_when_to_come_again() -> None:
    app = OneMethod()
    app.who_may_call = Access(None, lambda method: "call", CallerLimits(Limits(rate=0.1, burst=2)))
    async with (
        running(app, ServerSettings()) as ports,
        grpc.aio.insecure_channel(f"127.0.0.1:{ports.grpc}") as channel,
    ):
        call = aio_method(channel)
        await call(b"")
        await call(b"")
        with pytest.raises(grpc.aio.AioRpcError) as refusal:
            await call(b"")
    assert refusal.value.code() is Code.RESOURCE_EXHAUSTED
    assert "you may send 0.1 calls a second" in (refusal.value.details() or "")
    details = details_from_error(refusal.value)
    assert details is not None
    assert 9.0 < (details.retry_after_s or 0) <= 15.0
    pushback = dict(refusal.value.trailing_metadata() or ())["grpc-retry-pushback-ms"]
    assert 9_000 < int(pushback) <= 15_000


async def test_an_address_has_its_share_over_all_its_connections() -> None:
    app, may_end = OneMethod(), asyncio.Event()
    app.who_may_call = Access(None, lambda method: "call", CallerLimits(Limits(in_work=1)))
    app.behaviour = may_end.wait
    options = [("grpc.use_local_subchannel_pool", 1)]
    async with (
        running(app, ServerSettings()) as ports,
        grpc.aio.insecure_channel(f"127.0.0.1:{ports.grpc}", options) as one,
        grpc.aio.insecure_channel(f"127.0.0.1:{ports.grpc}", options) as two,
    ):
        first = aio_method(one)(b"")
        await app.started.wait()
        with pytest.raises(grpc.aio.AioRpcError) as refusal:
            await aio_method(two)(b"")
        assert refusal.value.code() is Code.RESOURCE_EXHAUSTED
        assert "1 of your calls are in work" in (refusal.value.details() or "")
        may_end.set()
        await first
        await aio_method(two)(b"")
