#!/usr/bin/env bash
# grpcio 1.85.1: with no deadline, time_remaining() is None in grpc.aio and 292 billion years in grpc.
# Guess: None in both, as the documentation of ServicerContext says.
# Seen: the threaded server gives 9.2e18 seconds. It passes every test for None, and threading.Event.wait() of it
#   raises OverflowError, so that a call without a deadline fails with UNKNOWN.
# So: code for both servers takes a very large number for none, say above a year.
set -euo pipefail
. "$(dirname "$0")/lib/setup.sh"
packages grpcio==1.85.1 typing-extensions==4.16.0
python <<'PY'
import asyncio
import logging
import threading
from concurrent import futures

import grpc
from check import check

logging.disable()


def handlers(function):
    method = grpc.unary_unary_rpc_method_handler(function)
    return [grpc.method_handlers_generic_handler("test", {"Call": method})]


async def with_aio():
    async def remaining(request, context):
        return repr(context.time_remaining()).encode()

    server = grpc.aio.server()
    server.add_generic_rpc_handlers(handlers(remaining))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        check("grpc.aio", (await channel.unary_unary("/test/Call")(b"")).decode(), "None")
    await server.stop(0)


def remaining(request, context):
    if request == b"wait":
        threading.Event().wait(context.time_remaining())
    return repr(context.time_remaining()).encode()


asyncio.run(with_aio())
server = grpc.server(futures.ThreadPoolExecutor(1), handlers=handlers(remaining))
port = server.add_insecure_port("127.0.0.1:0")
server.start()
with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
    call = channel.unary_unary("/test/Call")
    seconds = call(b"").decode()
    print("grpc:", seconds)
    check("grpc: more than a billion years", float(seconds) > 1e9 * 3e7, True)
    try:
        call(b"wait")
    except grpc.RpcError as error:
        check("a handler that waits so long", error.code().name, "UNKNOWN")
        check("because of", "timestamp" in error.details() or "timeout" in error.details(), True)
server.stop(0)
PY
