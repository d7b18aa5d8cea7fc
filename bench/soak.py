"""Memory, descriptors and threads over many mixed pages: `python -m bench.soak --pages 20000`.

Documents of all kinds go through the four real services from a few callers: pictures and scans, some with masks, clean
stamps or the accurate preset, some broken, some cancelled. After the first twentieth of the pages, and at the end, each
process is looked at when no call is in work. Exits with 1 where one has grown by more than the bound.
"""

import argparse
import io
import random
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Unpack

import grpc
import img2pdf
import numpy as np
from PIL import Image

from bench.capacity import family
from bench.memory import memory
from bench.pages import scans
from services.stack.processes import Stack, running
from stamp2vec.client import Client
from stamp2vec.document.options import DocumentOptions
from stamp2vec.errors import Stamp2vecError
from stamp2vec.v1 import gateway_pb2
from stamp2vec.v1.gateway_pb2_grpc import StampServiceStub
from stamp2vec.values import Preset

_PAGE = Path(__file__).parent.parent / "docs" / "sample" / "page.jpg"
_CALLERS = 6
_CANCELLED_S = 0.05  # a deadline that hardly any call keeps
_SETTLED_S = 15.0  # after which memory that is free has been given back
_FIRST = 0.05  # of the pages, after which caches are full
_MOST_GROWTH = 0.02

Send = Callable[[Client, StampServiceStub], int]


@dataclass(frozen=True, slots=True)
class Look:
    """At a service and its children: bytes of memory (PSS), descriptors and threads."""

    memory: int
    descriptors: int
    threads: int


def main() -> int:
    """Runs, prints, and says by the exit code whether all is flat."""
    parser = argparse.ArgumentParser(prog="python -m bench.soak", description=__doc__)
    parser.add_argument("--pages", type=int, default=20_000)
    pages = parser.parse_args().pages
    with tempfile.TemporaryDirectory() as logs, running({}, Path(logs)) as stack:
        load = Load(stack.address("gateway").target)
        load.run(int(_FIRST * pages))
        before = looked(stack)
        started = time.monotonic()
        load.run(pages)
        seconds = time.monotonic() - started
        after = looked(stack)
    print(f"{load.pages:,} pages, {(1 - _FIRST) * pages / seconds:.1f} a second; calls: {dict(load.ends)}\n")
    print(f"| process | PSS after {_FIRST:.0%}, MiB | at the end | growth | descriptors | threads |")
    print("|---|---|---|---|---|---|")
    grown = False
    for name, first in before.items():
        last = after[name]
        growth = last.memory / first.memory - 1
        grown |= growth > _MOST_GROWTH
        print(
            f"| {name} | {first.memory / 2**20:.1f} | {last.memory / 2**20:.1f} | {growth:+.1%} "
            f"| {first.descriptors} -> {last.descriptors} | {first.threads} -> {last.threads} |"
        )
    return int(grown)


def looked(stack: Stack) -> Mapping[str, Look]:
    """Every service, once it has had time to give memory back."""
    time.sleep(_SETTLED_S)
    found = {}
    for name in ("gateway", *stack.model_services):
        pids = [Path(f"/proc/{pid}") for pid in family(stack[name].pid)]
        descriptors = sum(len(list((pid / "fd").iterdir())) for pid in pids)
        threads = sum(len(list((pid / "task").iterdir())) for pid in pids)
        found[name] = Look(memory(stack[name].pid), descriptors, threads)
    return found


class Load:
    """Callers that send what a mixed day has."""

    def __init__(self, target: str) -> None:
        self._target = target
        self._sends = sends()
        self._lock = threading.Lock()
        self.pages = 0
        self.ends = Counter[str]()

    def run(self, pages: int) -> None:
        """Until so many pages have been sent in all."""
        callers = [threading.Thread(target=self._call, args=[seed, pages]) for seed in range(_CALLERS)]
        for caller in callers:
            caller.start()
        for caller in callers:
            caller.join()

    def _call(self, seed: int, pages: int) -> None:
        chance = random.Random(f"{seed} {pages}")
        options = [("grpc.use_local_subchannel_pool", 1)]
        with Client(self._target, deadline_s=120) as client, grpc.insecure_channel(self._target, options) as channel:
            stub = StampServiceStub(channel)
            while self.pages < pages:
                send = chance.choice(self._sends)
                try:
                    count, end = send(client, stub), "answered"
                except Stamp2vecError as error:
                    count, end = 1, type(error).__name__
                except grpc.RpcError as error:
                    count, end = 1, error.code().name
                with self._lock:
                    self.pages += count
                    self.ends[end] += 1


def sends() -> list[Send]:
    """What is sent, each as often as the others; each says of how many pages it is."""
    page = _PAGE.read_bytes()
    picture = Image.open(_PAGE).convert("RGB")
    small = picture.reduce(3)
    png, tiff, webp, grey = (
        saved(small, "PNG"),
        saved(small, "TIFF", save_all=True, append_images=[small.rotate(90, expand=True), small]),
        saved(small, "WEBP", quality=80),
        saved(small.convert("L"), "PNG"),
    )
    scan = bytes(img2pdf.convert(list(scans(3))))
    noise = saved(Image.fromarray(np.random.default_rng(0).integers(0, 256, (600, 500, 3), np.uint8)), "PNG")
    broken, cut = b"%PDF-1.7 nothing", page[: len(page) // 2]

    def document(data: bytes, count: int = 1, preset: Preset = Preset.FAST, **options: Unpack[DocumentOptions]) -> Send:
        def send(client: Client, _: StampServiceStub) -> int:
            client.analyze(data, preset=preset, **options)
            return count

        return send

    def cancelled(_: Client, stub: StampServiceStub) -> int:
        stub.AnalyzeDocument(gateway_pb2.AnalyzeDocumentRequest(document=page), timeout=_CANCELLED_S)
        return 1

    return [
        document(page),
        document(page, include_masks=True, include_clean_stamps=True),
        document(png, preset=Preset.ACCURATE),
        document(tiff, 3),
        document(webp, include_unrolled=True),
        document(grey, include_vectors=False),
        document(scan, 3),
        document(noise),
        document(broken),
        document(cut),
        cancelled,
    ]


def saved(picture: Image.Image, kind: str, **options: object) -> bytes:
    """A file."""
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


if __name__ == "__main__":
    sys.exit(main())
