"""What the gateway takes of memory: `python -m bench.memory`.

Sends what is large and valid, and what is refused, through the four real services, and reads the memory of the gateway
and its decoders meanwhile: PSS, which counts what they share once. The ratio is of the growth to the bytes that were
sent, or to the RGB bytes of the pages.
"""

import io
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from bench.capacity import family
from services.stack.processes import running
from stamp2vec.client import Client
from stamp2vec.errors import Stamp2vecError

_PAGE = Path(__file__).parent.parent / "docs" / "sample" / "page.jpg"
_SIDE = 8940  # of a page of nearly 80 million pixels
_UNREAD = """
import os, signal, sys
from stamp2vec.v1 import gateway_pb2, gateway_pb2_grpc
import grpc
channel = grpc.insecure_channel(sys.argv[1], [("grpc.max_receive_message_length", -1)])
stub = gateway_pb2_grpc.StampServiceStub(channel)
crop = gateway_pb2.SegmentStampsRequest()
crop.images.add(encoded=open(sys.argv[2], "rb").read())
calls = [stub.SegmentStamps.future(crop, timeout=60) for _ in range(36)]
print("sent", flush=True)
os.kill(os.getpid(), signal.SIGSTOP)
"""


def main() -> None:
    """Measures and prints."""
    with tempfile.TemporaryDirectory() as logs, running({}, Path(logs)) as stack:
        pid, address = stack["gateway"].pid, stack.address("gateway").target
        send(address, _PAGE.read_bytes(), 1)
        time.sleep(1)
        idle = memory(pid)
        print(f"idle, after one sample page: {idle / 2**20:.0f} MiB\n")
        print("| sent | peak, MiB | growth, of the bytes in question | 10 s later, MiB |\n|---|---|---|---|")
        rgb = 3 * _SIDE * _SIDE
        for name, data in (("JPEG", jpeg()), ("progressive JPEG", jpeg(progressive=True)), ("PNG", png())):
            show(pid, idle, f"a page of 80 megapixels, {name}", rgb, partial(send, address, data, 1))
        show(pid, idle, "eight such pages at once, JPEG", 8 * rgb, partial(send, address, jpeg(), 8))
        refused = bytes(31 * 2**20)
        show(pid, idle, "forty bodies of 31 MiB, refused", 40 * len(refused), partial(send, address, refused, 40))
        show(pid, idle, "36 answers of 16 MB that are not read", 36 * 16_000_000, partial(unread, address))


def show(pid: int, idle: int, name: str, size: int, work: Callable[[], None]) -> None:
    """Prints a row."""
    with watched(pid) as peak:
        work()
    time.sleep(10)
    growth = (peak[0] - idle) / size
    print(f"| {name} | {peak[0] / 2**20:.0f} | {growth:.2f} | {memory(pid) / 2**20:.0f} |", flush=True)


def send(address: str, document: bytes, count: int) -> None:
    """So many calls at once; some may be refused."""

    def one(_: int) -> None:
        with Client(address, deadline_s=120) as client:
            try:
                client.analyze(document)
            except Stamp2vecError:
                return

    with ThreadPoolExecutor(count) as pool:
        list(pool.map(one, range(count)))


def unread(address: str) -> None:
    """Calls of a process that is stopped before it takes the answers."""
    with tempfile.NamedTemporaryFile(suffix=".png") as file:
        Image.fromarray(np.full((4000, 4000, 3), 200, np.uint8)).save(file, "PNG")
        file.flush()
        sender = subprocess.Popen([sys.executable, "-c", _UNREAD, address, file.name], stdout=subprocess.PIPE)
        time.sleep(30)
        sender.kill()
        sender.wait()


@contextmanager
def watched(pid: int) -> Iterator[list[int]]:
    """The greatest memory of a process and its children inside the `with`, in bytes."""
    peak, ended = [0], threading.Event()

    def watch() -> None:
        while not ended.wait(0.01):
            peak[0] = max(peak[0], memory(pid))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield peak
    finally:
        ended.set()
        watcher.join()


def memory(pid: int) -> int:
    """PSS of a process and its children, and the files that they hold in memory and have not mapped, in bytes."""
    total = 0
    files: dict[int, int] = {}
    for each in family(pid):
        try:
            lines = Path(f"/proc/{each}/smaps_rollup").read_text().splitlines()
            for fd in Path(f"/proc/{each}/fd").iterdir():
                if "memfd:stamp2vec-file" in str(fd.readlink()):
                    status = fd.stat()
                    files[status.st_ino] = status.st_blocks * 512
        except (FileNotFoundError, ProcessLookupError):  # a decoder that ended meanwhile, or a file that was closed
            continue
        total += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) * 1024
    return total + sum(files.values())


def picture() -> Image.Image:
    """Something to compress: the sample page, as a pattern."""
    page = np.asarray(Image.open(_PAGE))
    times = -(-_SIDE // page.shape[0]), -(-_SIDE // page.shape[1]), 1
    return Image.fromarray(np.tile(page, times)[:_SIDE, :_SIDE])


def jpeg(*, progressive: bool = False) -> bytes:
    """A page of 80 megapixels."""
    file = io.BytesIO()
    picture().save(file, "JPEG", quality=30, progressive=progressive)
    return file.getvalue()


def png() -> bytes:
    """The same."""
    file = io.BytesIO()
    picture().quantize(16, dither=Image.Dither.NONE).convert("RGB").save(file, "PNG")
    return file.getvalue()


if __name__ == "__main__":
    main()
