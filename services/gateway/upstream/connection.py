"""The stub of a service, over a channel that is made anew when certificates change."""

import asyncio
from typing import Any

import grpc
import grpc.aio

from services.gateway.upstream.channel import channel
from services.runtime.security.reloading import Reloading
from services.table import ServiceSpec

_GRACE_S = 600.0  # for calls over the channel before


class Connection:
    """gRPC keeps the credentials of a channel for as long as it lives, and so its certificates would expire."""

    def __init__(self, spec: ServiceSpec, address: str, credentials: Reloading[grpc.ChannelCredentials] | None) -> None:
        self._spec, self._address, self._reloading = spec, address, credentials
        self._closing: set[asyncio.Task[None]] = set()
        self._open()

    def stub(self) -> Any:
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
        self._channel = channel(self._address, self._spec.full_name, self._credentials)
        self._stub = self._spec.stub(self._channel)
