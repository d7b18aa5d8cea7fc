#!/usr/bin/env bash
# grpcio 1.85.1: metadata given with an error replaces what set_trailing_metadata() has set.
# Guess: a request id that an interceptor sets with set_trailing_metadata() reaches the caller with every error.
# Seen: abort() keeps it, but abort_with_status() of a status that has metadata of its own, as those with details of
#   grpcio-status have, drops it without a word, in grpc.aio and in grpc. So does abort() with trailing metadata in
#   grpc.aio.
# So: what must come with every error goes into the metadata of the status itself.
set -euo pipefail
. "$(dirname "$0")/lib/setup.sh"
packages grpcio==1.85.1 typing-extensions==4.16.0
python <<'PY'
import asyncio
from collections import namedtuple
from concurrent import futures

import grpc
from check import check


class Status(namedtuple("Status", "code details trailing_metadata"), grpc.Status):
    pass


CODE = grpc.StatusCode.INVALID_ARGUMENT
DETAIL = (("reason", "too small"),)


def keys(error):
    return sorted(key for key, _ in error.trailing_metadata())


async def main():
    async def refuse(request, context):
        context.set_trailing_metadata([("request-id", "7")])
        if request == b"abort":
            await context.abort(CODE, "no")
        elif request == b"abort with metadata":
            await context.abort(CODE, "no", DETAIL)
        await context.abort_with_status(Status(CODE, "no", DETAIL))

    server = grpc.aio.server()
    method = grpc.unary_unary_rpc_method_handler(refuse)
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("test", {"Call": method})])
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        for way, claimed in (
            ("abort", ["request-id"]),
            ("abort with metadata", ["reason"]),
            ("abort_with_status", ["reason"]),
        ):
            try:
                await channel.unary_unary("/test/Call")(way.encode())
            except grpc.RpcError as error:
                check(f"grpc.aio, {way}: keys that arrive", keys(error), claimed)
    await server.stop(0)


asyncio.run(main())


def refuse(request, context):
    context.set_trailing_metadata([("request-id", "7")])
    context.abort_with_status(Status(CODE, "no", DETAIL))


method = grpc.unary_unary_rpc_method_handler(refuse)
server = grpc.server(futures.ThreadPoolExecutor(1))
server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("test", {"Call": method})])
port = server.add_insecure_port("127.0.0.1:0")
server.start()
with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
    try:
        channel.unary_unary("/test/Call")(b"")
    except grpc.RpcError as error:
        check("grpc, abort_with_status: keys that arrive", keys(error), ["reason"])
server.stop(0)
PY
