"""A channel to another service, and what calls through it, that are made anew when certificates change."""

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar

import grpc
import grpc.aio

from services.runtime.security.reloading import Reloading

Stub = TypeVar("Stub")

_GRACE_S = 600.0  # for calls over the channel before


class Connection(Generic[Stub]):
    """gRPC keeps the credentials of a channel for as long as it lives, and so its certificates would expire."""

    def __init__(
        self,
        channel: Callable[[grpc.ChannelCredentials | None], grpc.aio.Channel],
        stub: Callable[[grpc.aio.Channel], Stub],
        credentials: Reloading[grpc.ChannelCredentials] | None,
    ) -> None:
        """`channel` makes one with these credentials, in clear text without, and `stub` what calls through it."""
        self._make_channel, self._make_stub, self._reloading = channel, stub, credentials
        self._closing: set[asyncio.Task[None]] = set()
        self._open()

    def stub(self) -> Stub:
        """For one call: calls before it end over the channel that they began on."""
        if self._reloading is not None and self._reloading.current() is not self._credentials:
            task = asyncio.create_task(self._channel.close(_GRACE_S))
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)
            self._open()
        return self._stub

    async def close(self) -> None:
        """Ends every call."""
        for task in self._closing:
            task.cancel()
        await self._channel.close()

    def _open(self) -> None:
        self._credentials = self._reloading.current() if self._reloading else None
        self._channel = self._make_channel(self._credentials)
        self._stub = self._make_stub(self._channel)
