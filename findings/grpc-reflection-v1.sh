#!/usr/bin/env bash
# grpcio-reflection 1.85.1: the server has reflection v1alpha and no v1.
# Guess: enable_server_reflection() serves grpc.reflection.v1, which replaced v1alpha in 2022, and v1alpha for old
#   clients.
# Seen: v1alpha answers; v1 is UNIMPLEMENTED, and the package has no code for it.
# So: tools that ask for v1 alone say that the server has no reflection. The messages are alike, so the servicer of
#   v1alpha can be registered under the name of v1 as well.
set -euo pipefail
. "$(dirname "$0")/lib/setup.sh"
packages grpcio==1.85.1 grpcio-reflection==1.85.1 protobuf==7.36.2 typing-extensions==4.16.0
python <<'PY'
import importlib.util
from concurrent import futures

import grpc
from check import check
from grpc_reflection.v1alpha import reflection
from grpc_reflection.v1alpha.reflection_pb2 import ServerReflectionRequest

server = grpc.server(futures.ThreadPoolExecutor(2))
reflection.enable_server_reflection([reflection.SERVICE_NAME], server)
port = server.add_insecure_port("127.0.0.1:0")
server.start()


def ask(version):
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        method = channel.stream_stream(f"/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo")
        request = ServerReflectionRequest(list_services="").SerializeToString()
        try:
            next(method(iter([request]), timeout=10))
        except grpc.RpcError as error:
            return error.code().name
        return "OK"


check("v1alpha", ask("v1alpha"), "OK")
check("v1", ask("v1"), "UNIMPLEMENTED")
check("the package has v1", importlib.util.find_spec("grpc_reflection.v1") is not None, False)
server.stop(0)
PY
