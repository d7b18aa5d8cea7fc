#!/usr/bin/env bash
# grpcio 1.85.1: a channel to 127.0.0.1 goes through the proxy of the environment.
# Guess: loopback needs no proxy, as in Go's HTTP and gRPC, which leave it out.
# Seen: with http_proxy set, the proxy gets "CONNECT 127.0.0.1:PORT"; with a proxy that is away the call is
#   UNAVAILABLE though the server runs beside it. no_proxy=127.0.0.1 or the option grpc.enable_http_proxy=0 helps;
#   a unix: socket is not proxied.
# So: set the option on channels to processes of one's own; else a stack that runs on every laptop never gets ready
#   where the shell has a proxy.
set -euo pipefail
. "$(dirname "$0")/lib/setup.sh"
packages grpcio==1.85.1 typing-extensions==4.16.0
python <<'PY'
import os
import socket
import threading
from concurrent import futures

import grpc
from check import check

server = grpc.server(futures.ThreadPoolExecutor(2))
method = grpc.unary_unary_rpc_method_handler(lambda request, context: b"answered")
server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("test", {"Call": method})])
port = server.add_insecure_port("127.0.0.1:0")
server.add_insecure_port(f"unix:{os.path.abspath('service.sock')}")
server.start()

proxy = socket.create_server(("127.0.0.1", 0))
asked = []


def refuse():
    while True:
        connection, _ = proxy.accept()
        asked.append(connection.recv(4096).split(b"\r\n")[0].decode())
        connection.sendall(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n")
        connection.close()


threading.Thread(target=refuse, daemon=True).start()


def call(target, *options):
    channel = grpc.insecure_channel(target, options=[("grpc.use_local_subchannel_pool", 1), *options])
    with channel:
        try:
            return channel.unary_unary("/test/Call")(b"", timeout=10).decode()
        except grpc.RpcError as error:
            return error.code().name


for name in ("grpc_proxy", "http_proxy", "https_proxy", "no_grpc_proxy", "no_proxy"):
    os.environ.pop(name, None)
check("without a proxy", call(f"127.0.0.1:{port}"), "answered")
os.environ["http_proxy"] = f"http://127.0.0.1:{proxy.getsockname()[1]}"
check("with http_proxy", call(f"127.0.0.1:{port}"), "UNAVAILABLE")
check("what the proxy was asked", asked[0], f"CONNECT 127.0.0.1:{port} HTTP/1.1")
before = len(asked)
check("with grpc.enable_http_proxy 0", call(f"127.0.0.1:{port}", ("grpc.enable_http_proxy", 0)), "answered")
check("by a unix socket", call(f"unix:{os.path.abspath('service.sock')}"), "answered")
os.environ["no_proxy"] = "127.0.0.1"
check("with no_proxy", call(f"127.0.0.1:{port}"), "answered")
check("what else the proxy was asked", asked[before:], [])
server.stop(0).wait()
PY
