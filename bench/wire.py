"""What a detector's view of a page costs on the wire, and what packing it would save: `python -m bench.wire`.

A view is raw RGB, 448 x 448 pixels for the fast detector. Of the sample page and of drawn scans it is packed and
unpacked without loss, in one thread; and sent over loopback, by TCP, by a unix socket, and compressed by gRPC, to a
server in the same process. zstandard and lz4 are measured where they are installed:
`pip install zstandard==0.25.0 lz4==4.4.5`.
"""

import asyncio
import io
import tempfile
import time
import zlib
from collections.abc import Callable
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from bench.pages import scans
from stamp2vec.imaging import letterbox

_PAGE = Path(__file__).parent.parent / "docs" / "sample" / "page.jpg"
_SIDE = 448
_ROUNDS = 5
_CALLS = 100

View = NDArray[np.uint8]
Codec = tuple[Callable[[View], bytes], Callable[[bytes], object]]


def main() -> None:
    """Measures and prints."""
    views = {"sample page": view(_PAGE.read_bytes())} | {f"scan {n}": view(data) for n, data in enumerate(scans(3))}
    print("| view | codec | bytes | of raw | pack, CPU ms | unpack, CPU ms |\n|---|---|---|---|---|---|")
    for name, pixels in views.items():
        for codec, (pack, unpack) in codecs().items():
            packed = pack(pixels)
            costs = [cpu_ms(partial(pack, pixels)), cpu_ms(partial(unpack, packed))]
            share = len(packed) / pixels.nbytes
            print(f"| {name} | {codec} | {len(packed):,} | {share:.2f} | {costs[0]:.2f} | {costs[1]:.2f} |")
    print("\n| transport | CPU ms a view, both ends | ms |\n|---|---|---|")
    for line in asyncio.run(transports(views["sample page"].tobytes())):
        print(line)


def view(data: bytes) -> View:
    """A page as the detector gets it."""
    return letterbox(np.asarray(Image.open(io.BytesIO(data)).convert("RGB")), (_SIDE, _SIDE))[0]


def codecs() -> dict[str, Codec]:
    """How a view is packed and unpacked, by name."""
    found: dict[str, Codec] = {
        "deflate 1": (lambda pixels: zlib.compress(pixels.tobytes(), 1), zlib.decompress),
        "differences, deflate 1": (lambda pixels: zlib.compress(differences(pixels), 1), zlib.decompress),
        "PNG 1": (png, lambda data: np.asarray(Image.open(io.BytesIO(data)))),
    }
    if find_spec("zstandard"):
        zstandard: Any = import_module("zstandard")
        pack, unpack = zstandard.ZstdCompressor(1).compress, zstandard.ZstdDecompressor().decompress
        found["zstd 1"] = pack, unpack
        found["differences, zstd 1"] = (lambda pixels: pack(differences(pixels)), unpack)
    if find_spec("lz4"):
        lz4: Any = import_module("lz4.block")
        found["lz4"] = lz4.compress, lz4.decompress
    return found


def differences(pixels: View) -> bytes:
    """From each row to the next, by which paper is zeros."""
    return np.concatenate([pixels[:1], pixels[1:] - pixels[:-1]]).tobytes()


def png(pixels: View) -> bytes:
    """At the lowest level of compression."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG", compress_level=1)
    return file.getvalue()


def cpu_ms(work: Callable[[], object]) -> float:
    """The least of some rounds."""
    times = []
    for _ in range(_ROUNDS):
        started = time.process_time()
        work()
        times.append(time.process_time() - started)
    return 1000 * min(times)


async def transports(data: bytes) -> list[str]:
    """The least of some rounds, of calls one after the other that send so many bytes."""

    async def answer(request: bytes, context: object) -> bytes:
        return b""

    server = grpc.aio.server()
    method: grpc.RpcMethodHandler[bytes, bytes] = grpc.unary_unary_rpc_method_handler(answer)
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("wire", {"Send": method})])
    with tempfile.TemporaryDirectory() as folder:
        target = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
        server.add_insecure_port(f"unix:{folder}/socket")
        await server.start()
        ways = {
            "TCP, loopback": (target, None),
            "unix socket": (f"unix:{folder}/socket", None),
            "TCP, loopback, gRPC's deflate": (target, grpc.Compression.Deflate),
        }
        costs: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
        for _ in range(_ROUNDS):
            for name, (address, compression) in ways.items():
                async with grpc.aio.insecure_channel(address, compression=compression) as channel:
                    costs[name].append(await cost(channel, data))
        await server.stop(None)
    least = {name: [min(each) for each in zip(*rounds, strict=True)] for name, rounds in costs.items()}
    return [f"| {name} | {cpu:.2f} | {wall:.2f} |" for name, (cpu, wall) in least.items()]


async def cost(channel: grpc.aio.Channel, data: bytes) -> tuple[float, float]:
    """CPU ms and ms of a call."""
    send: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary("/wire/Send")
    await send(data)
    started_cpu, started = time.process_time(), time.perf_counter()
    for _ in range(_CALLS):
        await send(data)
    taken = time.process_time() - started_cpu, time.perf_counter() - started
    return 1000 * taken[0] / _CALLS, 1000 * taken[1] / _CALLS


if __name__ == "__main__":
    main()
