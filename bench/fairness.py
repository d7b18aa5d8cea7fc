"""An interactive page beside streams of bulk documents: `python -m bench.fairness`.

One caller sends the sample page again and again, alone and beside so many streams, each of which is kept full of scans
of 20 pages at 300 dpi. Told are its times, their ratio to those of the idle stack, and what was refused.
"""

import argparse
import contextlib
import tempfile
import threading
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import img2pdf
import numpy as np

from bench.pages import scans
from services.stack.processes import running
from stamp2vec.client import Client
from stamp2vec.errors import Overloaded, Stamp2vecError

_PAGE = Path(__file__).parent.parent / "docs" / "sample" / "page.jpg"
_PAGES = 20  # of a scan
_PAUSE_S = 0.3


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(prog="python -m bench.fairness", description=__doc__)
    parser.add_argument("--seconds", type=float, default=40.0, help="of each number of streams")
    parser.add_argument("--streams", type=int, nargs="+", default=[1, 2, 4], help="beside the interactive caller")
    chosen = parser.parse_args()
    scan = bytes(img2pdf.convert(list(scans(_PAGES))))
    print("| bulk streams | calls | p50, ms | to idle | p99, ms | to idle | refused | failed | bulk documents |")
    print("|---|---|---|---|---|---|---|---|---|", flush=True)
    with tempfile.TemporaryDirectory() as folder, running({}, Path(folder) / "logs") as stack:
        target = stack.address("gateway").target
        idle: tuple[float, float] | None = None
        for streams in (0, *chosen.streams):
            with flooded(target, scan, streams) as done:
                time.sleep(3.0 if streams else 0.0)
                times, refused, failed = interactive(target, chosen.seconds)
            p50, p99 = (float(each) for each in np.percentile(times, [50, 99]))
            idle = idle or (p50, p99)
            print(
                f"| {streams} | {len(times)} | {1000 * p50:.0f} | {p50 / idle[0]:.1f} | {1000 * p99:.0f} | "
                f"{p99 / idle[1]:.1f} | {refused} | {failed} | {len(done)} |",
                flush=True,
            )


def interactive(target: str, seconds: float) -> tuple[list[float], int, int]:
    """Seconds of each call that was answered, how many were refused, and how many failed otherwise."""
    page, times, refused, failed = _PAGE.read_bytes(), list[float](), 0, 0
    end = time.monotonic() + seconds
    with Client(target) as client:
        client.analyze(page)
        while time.monotonic() < end:
            started = time.perf_counter()
            try:
                client.analyze(page)
            except Overloaded:
                refused += 1
            except Stamp2vecError:
                failed += 1
            else:
                times.append(time.perf_counter() - started)
            time.sleep(_PAUSE_S)
    return times, refused, failed


@contextlib.contextmanager
def flooded(target: str, scan: bytes, streams: int) -> Iterator[list[str]]:
    """So many streams inside the `with`, which gives the names of documents as they are answered."""
    done, stop = list[str](), threading.Event()

    def documents(stream: int) -> Iterator[tuple[str, bytes]]:
        for number in count():
            if stop.is_set():
                return
            yield f"{stream}-{number}", scan

    def send(stream: int) -> None:
        with Client(target) as client:
            for name, _ in client.analyze_many(documents(stream)):
                done.append(name)

    threads = [threading.Thread(target=send, args=[number], daemon=True) for number in range(streams)]
    for thread in threads:
        thread.start()
    try:
        yield done
    finally:
        stop.set()
        for thread in threads:
            thread.join()


if __name__ == "__main__":
    main()
