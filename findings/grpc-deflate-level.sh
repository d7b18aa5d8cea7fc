#!/usr/bin/env bash
# grpcio 1.85.1: compression of a channel costs what zlib's level 6 costs, and there is no option for a cheaper one.
# Guess: gRPC compresses messages at a fast level, as is usual on a wire, or takes a level as a channel option.
# Seen: a message of 602 kB, a picture of a page, is 30 to 110 kB with either kind of compression, the bytes of zlib's
#   default level; the call takes about 10 times the CPU time of one without compression, where level 1 would take a
#   third of that for 10 % more bytes. `grpc.default_compression_level` changes which algorithm is taken, not zlib's level.
# So: between services that are fast to reach, compress the payload before it is a message, or not at all.
set -euo pipefail
. "$(dirname "$0")/lib/setup.sh"
packages grpcio==1.85.1 typing-extensions==4.16.0
python <<'PY'
import random
import time
import zlib
from concurrent import futures

import grpc
from check import check

# Lines of text on paper, as 448 x 448 pixels of three bytes
random.seed(3)
row = lambda: b"".join(random.choice((b"\xf4\xf4\xf2", b"\x20\x20\x22")) * random.randint(1, 6) for _ in range(300))[: 448 * 3]
page = b"".join(row() if y % 24 < 10 else b"\xf4\xf4\xf2" * 448 for y in range(448))
assert len(page) == 448 * 448 * 3

method = grpc.unary_unary_rpc_method_handler(lambda request, context: b"")
server = grpc.server(futures.ThreadPoolExecutor(1))
server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("test", {"Call": method})])
port = server.add_insecure_port("127.0.0.1:0")
server.start()


def cpu_s(**options):
    with grpc.insecure_channel(f"127.0.0.1:{port}", **options) as channel:
        call = channel.unary_unary("/test/Call")
        call(page)
        times = []
        for _ in range(3):
            started = time.process_time()
            for _ in range(10):
                call(page)
            times.append((time.process_time() - started) / 10)
        return min(times)


def zlib_s(level):
    times = []
    for _ in range(5):
        started = time.process_time()
        zlib.decompress(zlib.compress(page, level))
        times.append(time.process_time() - started)
    return min(times)


plain, deflate, usual, fast = cpu_s(), cpu_s(compression=grpc.Compression.Deflate), zlib_s(6), zlib_s(1)
low = cpu_s(compression=grpc.Compression.Deflate, options=[("grpc.default_compression_level", 1)])
print(f"plain {1000 * plain:.2f} ms, deflate {1000 * deflate:.2f} ms, zlib 6 {1000 * usual:.2f}, zlib 1 {1000 * fast:.2f}")
check("compression costs more than zlib's level 1 by far", deflate - plain > 1.5 * fast, True)
check("it costs about what level 6 does", deflate - plain > 0.6 * usual, True)
check("a lower level of the option changes nothing", low - plain > 0.6 * usual, True)
server.stop(None)
PY
