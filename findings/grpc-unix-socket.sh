#!/usr/bin/env bash
# grpcio 1.85.1: a second server takes the path of a unix: socket away, and the first removes the socket of the
#   second.
# Guess: while a server listens at a path, binding it again fails; at the least, stopping one does not harm the
#   other.
# Seen: add_insecure_port() of the second returns 1 as it did for the first, and new connections go to the second.
#   When the first then stops, it deletes the file at the path: the second runs on and nobody can reach it.
# So: a restart that lets the old process end after the new one has begun loses the service. Give each process a
#   path of its own, or start the new one when the old one has gone.
set -euo pipefail
. "$(dirname "$0")/lib/setup.sh"
packages grpcio==1.85.1 typing-extensions==4.16.0
python <<'PY'
import os
from concurrent import futures

import grpc
from check import check

PATH = os.path.abspath("service.sock")


def serve(name):
    method = grpc.unary_unary_rpc_method_handler(lambda request, context: name)
    server = grpc.server(futures.ThreadPoolExecutor(1))
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("test", {"Call": method})])
    return server, server.add_insecure_port(f"unix:{PATH}")


def ask():
    with grpc.insecure_channel(f"unix:{PATH}", options=[("grpc.use_local_subchannel_pool", 1)]) as channel:
        try:
            return channel.unary_unary("/test/Call")(b"").decode()
        except grpc.RpcError as error:
            return error.code().name


old, bound = serve(b"old")
old.start()
check("the first server: bound, answers", (bound, ask()), (1, "old"))
new, bound = serve(b"new")
new.start()
check("a second one at that path", (bound, ask()), (1, "new"))
old.stop(0).wait()
check("after the first has stopped", (os.path.exists(PATH), ask()), (False, "UNAVAILABLE"))
new.stop(0).wait()
PY
