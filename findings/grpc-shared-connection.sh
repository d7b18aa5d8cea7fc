#!/usr/bin/env bash
# grpcio 1.85.1: four channels to one address are one TCP connection, or four, by an option of no meaning.
# Guess: each channel has a connection of its own, so four channels spread large pages over four.
# Seen: channels of equal options share one connection, also when their grpc.service_config differs. One option that
#   differs, even one that gRPC does not know, gives each its own; so does grpc.use_local_subchannel_pool.
# So: more channels do not help a client that is held up by one connection, unless they are made unlike.
set -euo pipefail
. "$(dirname "$0")/lib/setup.sh"
packages grpcio==1.85.1 typing-extensions==4.16.0
python <<'PY'
import asyncio
import json

import grpc
from check import check


async def main():
    async def peer(request, context):
        return context.peer().encode()

    server = grpc.aio.server()
    method = grpc.unary_unary_rpc_method_handler(peer)
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("test", {"Call": method})])
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()

    async def connections(option):
        channels = [grpc.aio.insecure_channel(f"127.0.0.1:{port}", options=option(n)) for n in range(4)]
        peers = await asyncio.gather(*(channel.unary_unary("/test/Call")(b"") for channel in channels))
        for channel in channels:
            await channel.close()
        return len(set(peers))

    def service_config(number):
        config = {"methodConfig": [{"name": [{}], "maxRequestMessageBytes": 1_000_000 + number}]}
        return [("grpc.service_config", json.dumps(config))]

    check("connections of 4 equal channels", await connections(lambda n: []), 1)
    check("each with another service config", await connections(service_config), 1)
    limits = await connections(lambda n: [("grpc.max_send_message_length", 1000 + n)])
    check("each with another limit of size", limits, 4)
    check("each with another unknown option", await connections(lambda n: [("no.such.option", n)]), 4)
    check("each with a local pool", await connections(lambda n: [("grpc.use_local_subchannel_pool", 1)]), 4)
    await server.stop(0)


asyncio.run(main())
PY
