"""An interactive page beside streams of bulk documents, and beside a greedy caller: `python -m bench.fairness`.

One caller sends the sample page again and again, alone, and beside so many streams, each of which is kept full of scans
of 20 pages at 300 dpi. With `--greedy` it is beside so many threads instead, which send the same page without a pause:
once with its own token, as if they were the same caller, and once with another one. Told are its times, their ratio to
those of the idle stack, and what was refused.
"""

import argparse
import contextlib
import hashlib
import tempfile
import threading
import time
from collections.abc import Iterator
from itertools import count as numbers
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
_TOKENS = ("modest", "greedy")


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(prog="python -m bench.fairness", description=__doc__)
    parser.add_argument("--seconds", type=float, default=40.0, help="of each number of streams")
    parser.add_argument("--streams", type=int, nargs="+", default=[1, 2, 4], help="beside the interactive caller")
    parser.add_argument("--greedy", type=int, default=0, help="threads of a greedy caller, in place of streams")
    chosen = parser.parse_args()
    what = "beside" if chosen.greedy else "bulk streams"
    print(f"| {what} | calls | p50, ms | to idle | p99, ms | to idle | refused | failed | answered beside |")
    print("|---|---|---|---|---|---|---|---|---|", flush=True)
    with tempfile.TemporaryDirectory() as folder, stack_with_tokens(Path(folder)) as target:
        scan = b"" if chosen.greedy else bytes(img2pdf.convert(list(scans(_PAGES))))
        idle: tuple[float, float] | None = None
        for beside in ("nobody", "its own", "another") if chosen.greedy else ("0", *map(str, chosen.streams)):
            if chosen.greedy:
                load = crowded(target, "" if beside == "nobody" else _TOKENS[beside == "another"], chosen.greedy)
            else:
                load = flooded(target, scan, int(beside))
            with load as done:
                time.sleep(0.0 if beside in ("nobody", "0") else 3.0)
                times, refused, failed = interactive(target, chosen.seconds)
            p50, p99 = (float(each) for each in np.percentile(times, [50, 99]))
            idle = idle or (p50, p99)
            print(
                f"| {beside} | {len(times)} | {1000 * p50:.0f} | {p50 / idle[0]:.1f} | {1000 * p99:.0f} | "
                f"{p99 / idle[1]:.1f} | {refused} | {failed} | {len(done)} |",
                flush=True,
            )


@contextlib.contextmanager
def stack_with_tokens(folder: Path) -> Iterator[str]:
    """The services, and the address of the gateway, which knows the callers of `_TOKENS`."""
    tokens = folder / "tokens"
    tokens.write_text("".join(f"{name} {hashlib.sha256(name.encode()).hexdigest()} analyse\n" for name in _TOKENS))
    with running({"gateway": ["--tokens", str(tokens)]}, folder / "logs") as stack:
        yield stack.address("gateway").target


@contextlib.contextmanager
def crowded(target: str, token: str, count: int) -> Iterator[list[str]]:
    """So many threads that send the page without a pause inside the `with`; none without a token."""
    page, done, stop = _PAGE.read_bytes(), list[str](), threading.Event()

    def send() -> None:
        with Client(target, token=token) as client:
            while not stop.is_set():
                try:
                    client.analyze(page)
                    done.append("")
                except Overloaded as busy:
                    time.sleep(busy.retry_after_s or _PAUSE_S)

    crowd = [threading.Thread(target=send, daemon=True) for _ in range(count if token else 0)]
    for thread in crowd:
        thread.start()
    try:
        yield done
    finally:
        stop.set()
        for thread in crowd:
            thread.join()


def interactive(target: str, seconds: float) -> tuple[list[float], int, int]:
    """Seconds of each call that was answered, how many were refused, and how many failed otherwise."""
    page, times, refused, failed = _PAGE.read_bytes(), list[float](), 0, 0
    end = time.monotonic() + seconds
    with Client(target, token=_TOKENS[0]) as client:
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
        for number in numbers():
            if stop.is_set():
                return
            yield f"{stream}-{number}", scan

    def send(stream: int) -> None:
        with Client(target, token=_TOKENS[1]) as client:
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
