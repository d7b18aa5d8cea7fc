#!/usr/bin/env bash
# grpcio 1.85.1: a fault in grpc.service_config looks like a refusal by the server, or like nothing.
# Guess: a config that is not valid raises where the channel is made, or is logged and left out.
# Seen: making the channel succeeds, and then every call fails with INVALID_ARGUMENT, though no server is asked:
#   with maxAttempts 1, a duration "10ms" in place of "0.010s", a misspelt status code, or text that is not JSON. A
#   misspelt key ("retrypolicy") is left out in silence: calls work, and are not retried.
# So: test a config by counting the attempts at a server that refuses. Code that takes INVALID_ARGUMENT as a fault
#   of its document must not be the first to tell about a fault in its own settings.
set -euo pipefail
. "$(dirname "$0")/lib/setup.sh"
packages grpcio==1.85.1 typing-extensions==4.16.0
python <<'PY'
import json
from concurrent import futures

import grpc
from check import check

calls = []


def refuse(request, context):
    calls.append(request)
    context.abort(grpc.StatusCode.UNAVAILABLE, "busy")


server = grpc.server(futures.ThreadPoolExecutor(2))
method = grpc.unary_unary_rpc_method_handler(refuse)
server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("test", {"Call": method})])
port = server.add_insecure_port("127.0.0.1:0")
server.start()
GOOD = {"maxAttempts": 3, "initialBackoff": "0.01s", "maxBackoff": "0.02s", "backoffMultiplier": 2}
GOOD["retryableStatusCodes"] = ["UNAVAILABLE"]


def outcome(config):
    calls.clear()
    with grpc.insecure_channel(f"127.0.0.1:{port}", options=[("grpc.service_config", config)]) as channel:
        try:
            channel.unary_unary("/test/Call")(b"")
        except grpc.RpcError as error:
            return error.code().name, len(calls)


def with_policy(**changes):
    return json.dumps({"methodConfig": [{"name": [{}], "retryPolicy": {**GOOD, **changes}}]})


check("a valid config: code and attempts", outcome(with_policy()), ("UNAVAILABLE", 3))
check("maxAttempts 1", outcome(with_policy(maxAttempts=1)), ("INVALID_ARGUMENT", 0))
check("initialBackoff 10ms", outcome(with_policy(initialBackoff="10ms")), ("INVALID_ARGUMENT", 0))
check("a code misspelt", outcome(with_policy(retryableStatusCodes=["UNAVAILBLE"])), ("INVALID_ARGUMENT", 0))
check("not JSON", outcome("retry: 3"), ("INVALID_ARGUMENT", 0))
check("a key misspelt", outcome(with_policy().replace("retryPolicy", "retrypolicy")), ("UNAVAILABLE", 1))
server.stop(0)
PY
