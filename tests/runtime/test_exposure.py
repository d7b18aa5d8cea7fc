"""What a server shows to whom: where it listens without TLS, its health port, and reflection."""

import asyncio
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest
from grpc_reflection.v1alpha import reflection_pb2  # type: ignore[import-untyped]

from services.runtime.security.exposure import Exposed
from services.runtime.serving.probe import main as probe
from services.runtime.serving.server import running
from services.runtime.serving.settings import ServerSettings
from tests.library.certificates import certificate
from tests.runtime.one_method_app import OneMethod, aio_method
from tests.runtime.test_server import free_port, open_channel

Code = grpc.StatusCode


@pytest.mark.parametrize("host", ["0.0.0.0", "[::]", "192.0.2.1", "gateway.example"])
async def test_a_server_that_others_reach_needs_tls_or_a_word(host: str) -> None:
    with pytest.raises(Exposed, match="set --tls-cert and --tls-key, or --insecure"):
        async with running(OneMethod(), ServerSettings(host=host)):
            pass


async def test_with_that_word_it_listens_everywhere() -> None:
    settings = ServerSettings(host="0.0.0.0", insecure=True)
    async with running(OneMethod(), settings) as ports, open_channel(ports.grpc) as channel:
        assert await aio_method(channel)(b"")


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.10", "localhost"])
async def test_on_loopback_it_needs_neither(host: str) -> None:
    async with running(OneMethod(), ServerSettings(host=host)) as ports:
        assert ports.grpc


async def test_the_health_port_tells_health_in_clear_text_and_nothing_else(tmp_path: Path) -> None:
    own, port = certificate(tmp_path, "own"), free_port()
    settings = ServerSettings(host="0.0.0.0", tls_cert=str(own.path), tls_key=str(own.key), health_port=port)
    async with running(OneMethod(), settings) as ports:
        async with open_channel(port) as channel:
            assert await aio_method(channel)(b"").code() is Code.UNIMPLEMENTED
        async with open_channel(ports.grpc) as channel:
            assert await aio_method(channel)(b"").code() is Code.UNAVAILABLE
        assert await _probe(f"127.0.0.1:{port}", "test.Service") == 0
        assert await _probe(f"127.0.0.1:{ports.grpc}", "test.Service") == 1
    assert await _probe(f"127.0.0.1:{port}", "test.Service") == 1


async def _probe(address: str, name: str) -> int:
    return await asyncio.to_thread(probe, address, name)


@pytest.mark.parametrize("version", ["v1", "v1alpha"])
async def test_reflection_can_be_off(version: str) -> None:
    async with running(OneMethod(), ServerSettings(reflection=False)) as ports, open_channel(ports.grpc) as channel:
        reflect: Any = channel.stream_stream(
            f"/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo",
            request_serializer=reflection_pb2.ServerReflectionRequest.SerializeToString,
            response_deserializer=reflection_pb2.ServerReflectionResponse.FromString,
        )
        assert await reflect(iter([])).code() is Code.UNIMPLEMENTED
        assert await aio_method(channel)(b"")
