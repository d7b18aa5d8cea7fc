#!/usr/bin/env bash
# grpcio 1.85.1: the server is not told of a timeout that the service config gives.
# Guess: "timeout" of a methodConfig is sent as a deadline, as the timeout= of a call is; the server sees what
#   remains.
# Seen: the handler's time_remaining() tells of a timeout= of the call alone, be it longer than that of the config.
#   With the config's alone it is as without any, so the server cannot drop work for which nobody waits any more.
#   How long the client waits is not exact: the script measures it, and claims nothing of it. On a machine that was
#   up for 20 minutes, calls with 4 s ended after 2.2 to 2.8 s.
# So: give timeout= with each call; let the service config have none.
set -euo pipefail
. "$(dirname "$0")/lib/setup.sh"
packages grpcio==1.85.1 typing-extensions==4.16.0
python <<'PY'
import asyncio
import json
import time

import grpc
from check import check

DAYS_11 = 1_000_000


async def main():
    async def remaining(request, context):
        try:
            await asyncio.sleep(20 if request == b"wait" else 0)
        except asyncio.CancelledError:
            return b""
        left = context.time_remaining()
        return b"none" if left is None else b"about %d million s" % round(left / 1e6)

    server = grpc.aio.server()
    method = grpc.unary_unary_rpc_method_handler(remaining)
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("test", {"Call": method})])
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()

    def channel(seconds):
        config = {"methodConfig": [{"name": [{}], "timeout": f"{seconds}s"}]}
        return grpc.aio.insecure_channel(
            f"127.0.0.1:{port}", options=[("grpc.service_config", json.dumps(config))]
        )

    async with channel(DAYS_11) as patient:
        call = patient.unary_unary("/test/Call")
        check("1,000,000 s by the config: the server sees", (await call(b"")).decode(), "none")
        check("and 2,000,000 s by the call", (await call(b"", timeout=2 * DAYS_11)).decode(), "about 2 million s")
    async with channel(4) as hasty:
        start = time.monotonic()
        try:
            await hasty.unary_unary("/test/Call")(b"wait")
        except grpc.RpcError as error:
            print(f"4 s by the config: {error.code().name} after {time.monotonic() - start:.2f} s (not claimed)")
    await server.stop(0)


asyncio.run(main())
PY
