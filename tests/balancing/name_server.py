"""A DNS server on loopback whose answers a test can change: the headless Service of Kubernetes in small."""

import asyncio
import ipaddress
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

NAME = "replicas.test"

_HEADER = struct.Struct("!6H")
_ANSWER_AND_RECURSION = 0x8180
_TYPE_A, _CLASS_IN, _TTL_S = 1, 1, 0
_NAME_OF_THE_QUESTION = 0xC00C  # a pointer to the 12th octet, RFC 1035 section 4.1.4


class NameServer(asyncio.DatagramProtocol):
    """Says to every question for an IPv4 address that it is these; to every other that there is nothing (RFC 1035)."""

    def __init__(self, addresses: list[str]) -> None:
        """`addresses` may be changed at any time."""
        self.addresses = addresses
        self.port = 0
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)
        self.port = transport.get_extra_info("sockname")[1]

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        identifier, _, questions, *_ = _HEADER.unpack_from(data)
        assert questions == 1
        end = data.index(b"\0", _HEADER.size) + 5  # the root label, then two octets each of type and class
        (kind,) = struct.unpack_from("!H", data, end - 4)
        found = self.addresses if kind == _TYPE_A else []
        records = [
            struct.pack("!3HIH", _NAME_OF_THE_QUESTION, _TYPE_A, _CLASS_IN, _TTL_S, 4)
            + ipaddress.IPv4Address(address).packed
            for address in found
        ]
        header = _HEADER.pack(identifier, _ANSWER_AND_RECURSION, 1, len(records), 0, 0)
        assert self._transport
        self._transport.sendto(header + data[_HEADER.size : end] + b"".join(records), addr)


@asynccontextmanager
async def naming(addresses: list[str]) -> AsyncIterator[NameServer]:
    """Serves on a free port of loopback."""
    loop = asyncio.get_running_loop()
    transport, server = await loop.create_datagram_endpoint(lambda: NameServer(addresses), ("127.0.0.1", 0))
    try:
        yield server
    finally:
        transport.close()
