#!/usr/bin/env bash
# grpcio 1.85.1: the channel argument for the pings that a server allows is not named as the C macro suggests.
# Guess: GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS is grpc.http2.min_recv_ping_interval_without_data_ms,
#   and an argument that nothing knows gives at least a warning.
# Seen: the name has no "recv_" in it. The longer one is taken without a word and ignored: a client that pings every
#   second during a call of 8 s is cut off (UNAVAILABLE, "Too many pings"); with
#   grpc.http2.min_ping_interval_without_data_ms the same call ends well.
# So: try such a setting against a client that pings; a server that starts proves nothing.
set -euo pipefail
. "$(dirname "$0")/lib/setup.sh"
packages grpcio==1.85.1 typing-extensions==4.16.0
python <<'PY'
import asyncio

import grpc
from check import check

CLIENT = [
    ("grpc.keepalive_time_ms", 1000),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.use_local_subchannel_pool", 1),
]


async def slow(request, context):
    await asyncio.sleep(8)
    return b"ended well"


async def call(argument):
    handler = grpc.method_handlers_generic_handler("test", {"Call": grpc.unary_unary_rpc_method_handler(slow)})
    server = grpc.aio.server(options=[(argument, 100)])
    server.add_generic_rpc_handlers([handler])
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}", options=CLIENT) as channel:
        try:
            return (await channel.unary_unary("/test/Call")(b"", timeout=30)).decode()
        except grpc.RpcError as error:
            return f"{error.code().name}: {error.details()}"
        finally:
            await server.stop(0)


async def main():
    names = (
        "grpc.http2.min_recv_ping_interval_without_data_ms",
        "grpc.http2.min_ping_interval_without_data_ms",
    )
    macro, real = await asyncio.gather(*map(call, names))
    check(names[0], macro, "UNAVAILABLE: Too many pings")
    check(names[1], real, "ended well")


asyncio.run(main())
PY
