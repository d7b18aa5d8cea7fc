#!/usr/bin/env bash
# grpcio 1.85.1: a request of 256 KiB or more is never retried.
# Guess: with a retryPolicy of 4 attempts on UNAVAILABLE there are 4, whatever the size of the request.
# Seen: 262,000 bytes come to the server 4 times, 262,144 bytes once. The caller gets the server's own UNAVAILABLE;
#   no warning, and grpc.enable_retries changes nothing. With grpc.per_rpc_retry_buffer_size of 4 MiB both come 4
#   times.
# So: who sends scanned pages and wants retries must raise grpc.per_rpc_retry_buffer_size to the largest request.
set -euo pipefail
. "$(dirname "$0")/lib/setup.sh"
packages grpcio==1.85.1 typing-extensions==4.16.0
python <<'PY'
import json
from concurrent import futures

import grpc
from check import check

attempts = []


def refuse(request, context):
    attempts.append(len(request))
    context.abort(grpc.StatusCode.UNAVAILABLE, "busy")


handler = grpc.method_handlers_generic_handler("test", {"Call": grpc.unary_unary_rpc_method_handler(refuse)})
server = grpc.server(futures.ThreadPoolExecutor(4), handlers=[handler])
port = server.add_insecure_port("127.0.0.1:0")
server.start()
policy = {"maxAttempts": 4, "initialBackoff": "0.01s", "maxBackoff": "0.02s", "backoffMultiplier": 2}
config = {"methodConfig": [{"name": [{}], "retryPolicy": {**policy, "retryableStatusCodes": ["UNAVAILABLE"]}}]}


def tries(size, *options):
    attempts.clear()
    with grpc.insecure_channel(
        f"127.0.0.1:{port}", options=[("grpc.service_config", json.dumps(config)), *options]
    ) as channel:
        try:
            channel.unary_unary("/test/Call")(bytes(size))
        except grpc.RpcError as error:
            assert error.code() is grpc.StatusCode.UNAVAILABLE and error.details() == "busy", error
    return len(attempts)


check("attempts of 262,000 bytes", tries(262_000), 4)
check("attempts of 262,144 bytes", tries(262_144), 1)
check("the same, grpc.enable_retries 1", tries(262_144, ("grpc.enable_retries", 1)), 1)
check("the same, a retry buffer of 4 MiB", tries(262_144, ("grpc.per_rpc_retry_buffer_size", 4 << 20)), 4)
server.stop(0)
PY
